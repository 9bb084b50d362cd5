/** Commands of Data Rewind; part of the catalogue in commands.ts. */
import { z } from 'zod';
import { RESTORE_METHODS, REWIND_POINT_KINDS } from './rewind.ts';

const name = z.string().min(1).max(100);
const replica = z.string().min(1).max(255).optional();
const scenarioId = z.string().max(64);
const text = z.string().min(1).max(200);
const point = z.string().min(1).max(60);
const filter = z
  .object({
    kinds: z.array(z.enum(REWIND_POINT_KINDS)).optional(),
    since: z.number().optional(),
    until: z.number().optional(),
    text: text.optional(),
    /** Of file events: a path with everything below it, or a pattern with `*`, `**` and `?`. */
    path: z.string().min(1).max(4096).optional(),
    root: z.number().int().min(0).max(255).optional(),
    /** Id of a point: only older ones, for the next page. */
    before: z.string().min(1).max(60).optional(),
    limit: z.number().int().min(1).max(100_000).default(100),
  })
  .strict();

export const RECOVERY_COMMANDS = {
  'scenario.bookmark': {
    role: 'control',
    danger: 'safe',
    title: 'Set rewind bookmark',
    help: 'Marks a state that data may be set back to; every change made before now is in it.',
    args: z.object({ name, text, replica, timeoutMs: z.number().int().positive().max(86_400_000).optional() }).strict(),
    cli: 'bookmark',
  },
  'scenario.points': {
    role: 'view',
    danger: 'safe',
    title: 'Rewind points',
    help: 'Moments of a Replica that data can be set back to, newest first.',
    args: z.object({ name, replica, filter }).strict(),
    cli: 'points',
  },
  'scenario.journal': {
    role: 'view',
    danger: 'safe',
    title: 'History that is kept',
    help: 'How far back a Replica can be set, against what was asked for: bytes, growth, forecast, points and gaps.',
    args: z.object({ name, replica }).strict(),
    cli: 'journal',
  },
  'scenario.restore': {
    role: 'admin',
    danger: 'typed',
    title: 'Restore data',
    help: 'Replaces the data of the Master of a stopped scenario with the data of a Replica, as it is or set back to a rewind point, or only sets the Replica back. It can be undone.',
    args: z
      .object({
        name,
        replica,
        method: z.enum(RESTORE_METHODS),
        /** For the two methods that rewind. */
        point: point.optional(),
        sync: z.enum(['block', 'file']).default('block'),
        /** Places that cannot be given back any more are no reason to refuse. */
        acceptLost: z.boolean().optional(),
      })
      .strict(),
    cli: 'restore',
  },
  'scenario.undo': {
    role: 'admin',
    danger: 'typed',
    title: 'Undo the last restore',
    help: 'Gives the hosts of a stopped scenario the data back that they had before the last rewind or reverse synchronization.',
    args: z
      .object({
        name,
        replica,
        /** The data stays as it is now: what the last restore replaced on the Master is removed. */
        forget: z.boolean().default(false),
      })
      .strict(),
    cli: 'undo',
  },
  'scenario.rehearse': {
    role: 'control',
    danger: 'safe',
    title: 'Replica Integrity Testing',
    help: 'Tests that a Replica can really serve: apply stands, the copy is used and written through a view, all that is undone, apply goes on without a synchronization.',
    args: z.object({ name, replica, action: z.enum(['run', 'begin', 'end', 'show']).default('run') }).strict(),
    cli: 'rehearse',
  },
  'peer.rehearse': {
    role: 'peer',
    danger: 'safe',
    title: 'Replica Integrity Testing',
    help: 'Tests the Replica here.',
    args: z
      .object({ scenarioId, action: z.enum(['run', 'begin', 'end', 'show']), trigger: z.enum(['schedule', 'demand']) })
      .strict(),
  },
  'peer.bookmark': {
    role: 'peer',
    danger: 'safe',
    title: 'Rewind bookmark',
    help: 'Writes a bookmark into the history of a Replica.',
    args: z.object({ scenarioId, seq: z.number().int().nonnegative(), text }).strict(),
  },
  'peer.journal': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'History of a Replica',
    help: 'Figures of the history a Replica keeps.',
    args: z.object({ scenarioId }).strict(),
  },
  'peer.points': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Rewind points of a Replica',
    help: 'Lists the rewind points a Replica keeps.',
    args: z.object({ scenarioId, filter }).strict(),
  },
  'peer.restore': {
    role: 'peer',
    danger: 'safe',
    title: 'Restore from Replica',
    help: 'Begins a restore with the data of this Replica; the document is the one of the temporary Recovery scenario.',
    args: z
      .object({
        scenarioId,
        document: z.record(z.string(), z.unknown()),
        method: z.enum(RESTORE_METHODS),
        point: point.optional(),
        sync: z.enum(['block', 'file']),
        acceptLost: z.boolean().optional(),
      })
      .strict(),
  },
  'peer.recoveryLook': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Progress of a restore',
    help: 'How far the restore with the data of this Replica is.',
    args: z.object({ scenarioId, id: scenarioId }).strict(),
  },
  'peer.recoveryControl': {
    role: 'peer',
    danger: 'safe',
    title: 'Stop or remove a restore',
    help: 'Stops the restore with the data of this Replica, goes on with it, or removes it.',
    args: z.object({ scenarioId, id: scenarioId, action: z.enum(['run', 'stop', 'remove']) }).strict(),
  },
  'peer.undo': {
    role: 'peer',
    danger: 'safe',
    title: 'Undo rewind',
    help: 'Gives this Replica the data back that it had before its last rewind, which is at the point `back`.',
    args: z.object({ scenarioId, back: point.optional() }).strict(),
  },
} as const;
