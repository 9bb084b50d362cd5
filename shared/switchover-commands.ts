/** Commands that move the users from one host to the other; part of the catalogue in commands.ts. */
import { z } from 'zod';
import { AUTOMATIC_CODES } from './role.ts';

const name = z.string().min(1).max(100);
const host = z.string().min(1).max(255);
const scenarioId = z.string().regex(/^[0-9a-f]{32}$/);
const timeoutMs = z.number().int().positive().max(86_400_000).optional();

/** What the standby says of automatic switchover (`AutomaticStatus`). */
const automaticSaid = z
  .object({
    possible: z.boolean(),
    reasons: z.array(z.object({ code: z.enum(AUTOMATIC_CODES), text: z.string().max(2_000) })).max(20),
    right: z.enum(['witness', 'etcd', 'fencing', 'unsafe']).optional(),
    unsafe: z.literal(true).optional(),
    heldForMs: z.number().nonnegative().optional(),
    by: host,
  })
  .strict();

export const SWITCHOVER_COMMANDS = {
  'scenario.switchover': {
    role: 'control',
    danger: 'typed',
    title: 'Perform Switchover',
    help: 'The standby host becomes active and users are led to it. Of a backward scenario it is the switchback.',
    args: z
      .object({
        name,
        to: host.optional(),
        /** The operator states that the other host is off: needed when it does not answer. */
        peerIsFenced: z.boolean().optional(),
        wait: z.boolean().optional(),
        timeoutMs,
      })
      .strict(),
    cli: 'switchover',
  },
  'scenario.switchoverPlan': {
    role: 'view',
    danger: 'safe',
    title: 'Dry run of a switchover',
    help: 'Every step with its commands and records, what stands in the way, and how long it should take. Changes nothing.',
    args: z.object({ name, peerIsFenced: z.boolean().optional() }).strict(),
    cli: 'switchover',
  },
  'scenario.recoverActive': {
    role: 'admin',
    danger: 'typed',
    title: 'Recover Active Server',
    help: 'Makes one of the hosts active by the word of the operator; what only the other one has goes to quarantine when it comes back.',
    args: z
      .object({
        name,
        make: z.enum(['master', 'replica']),
        peerIsFenced: z.boolean().optional(),
        acceptIncomplete: z.boolean().optional(),
      })
      .strict(),
    cli: 'recover-active',
  },
  'scenario.ack': {
    role: 'control',
    danger: 'confirm',
    title: 'Acknowledge',
    help: 'An automatic switchover was seen: the next one may happen.',
    args: z.object({ name }).strict(),
    cli: 'ack',
  },
  'scenario.quarantine': {
    role: 'view',
    danger: 'safe',
    title: 'Quarantine',
    help: 'What this host had that the host which took over lacks: lists quarantines, or the items of one. Without a name: of all scenarios, also of deleted ones.',
    args: z
      .object({
        name: name.optional(),
        id: z.string().max(60).optional(),
        from: z.number().int().nonnegative().optional(),
        filter: z.string().max(200).optional(),
        limit: z.number().int().min(1).max(1_000).optional(),
        /** Of at most 200 items whether users have the same now. */
        compare: z.boolean().optional(),
      })
      .strict(),
    cli: 'quarantine',
  },
  'scenario.quarantineFile': {
    role: 'admin',
    readOnly: true,
    danger: 'safe',
    title: 'Compare a file in quarantine',
    help: 'A file as it was kept, and as it is under its name now on the hosts of its scenario.',
    args: z
      .object({ name, id: z.string().max(60), root: z.number().int().min(0).max(255), path: z.string().max(4096) })
      .strict(),
    cli: 'quarantine',
  },
  'scenario.quarantineReturn': {
    role: 'admin',
    danger: 'typed',
    title: 'Put back from quarantine',
    help: 'On the active host: a file is what the old active host had of it; what users have of it now goes to quarantine there.',
    args: z
      .object({ name, id: z.string().max(60), root: z.number().int().min(0).max(255), path: z.string().max(4096) })
      .strict(),
    cli: 'quarantine',
  },
  'scenario.quarantineExtract': {
    role: 'admin',
    danger: 'safe',
    title: 'Extract from quarantine',
    help: 'Writes contents of a quarantine to a new directory of the host that has it.',
    args: z
      .object({ name, id: z.string().max(60), to: z.string().min(1).max(4096), path: z.string().max(4096).optional() })
      .strict(),
    cli: 'quarantine',
  },
  'scenario.quarantineDiscard': {
    role: 'admin',
    danger: 'typed',
    title: 'Discard a quarantine',
    help: 'Its contents are gone for good.',
    args: z.object({ name, id: z.string().max(60) }).strict(),
    cli: 'quarantine',
  },
  'witness.ask': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Ask the witness',
    help: 'Renews, requests or hands over the right to be active in a scenario; this host only keeps who has it.',
    args: z
      .object({
        scenarioId,
        hosts: z.array(z.string().min(1).max(200)).length(2),
        leaseMs: z.number().int().min(100).max(600_000),
        marginMs: z.number().int().min(10).max(60_000),
        question: z.record(z.string(), z.unknown()),
      })
      .strict(),
  },
  'witness.look': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Witness',
    help: 'Answers that this host can be a witness.',
    args: z.object({}).strict(),
  },
  'peer.arbiter': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Arbiter of the other host',
    help: 'Whether this host can ask the arbiter there, and why not.',
    args: z
      .object({ kind: z.enum(['witness', 'etcd']), addresses: z.array(z.string().min(1).max(300)).min(1).max(20) })
      .strict(),
  },
  'peer.shares': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'File services',
    help: 'Which services of this host share directories.',
    args: z.object({}).strict(),
  },
  'peer.fencing': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Fencing script of the other host',
    help: 'Whether this host could turn the other one off: its registered script is asked with --check.',
    args: z
      .object({
        script: z.string().min(1).max(100),
        scenario: name,
        other: z.object({ name: host, address: z.string().min(1).max(300) }).strict(),
      })
      .strict(),
  },
  'peer.roleWord': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Role of a host',
    help: 'What the other host is in a scenario; answered with what this one is.',
    args: z
      .object({
        scenarioId,
        word: z.record(z.string(), z.unknown()),
        automatic: automaticSaid.optional(),
        /** The active host: age of the oldest change that the other has not received. */
        behindMs: z.number().nonnegative().optional(),
      })
      .strict(),
  },
  'peer.switchover': {
    role: 'peer',
    danger: 'safe',
    title: 'Hand over',
    help: 'The standby host passes on that an operator asks for a switchover, or asks by itself because the application is dead.',
    args: z.object({ scenarioId, because: z.string().max(1_000).optional() }).strict(),
  },
  'peer.yield': {
    role: 'peer',
    danger: 'safe',
    title: 'Leave it to the other host',
    help: 'An operator makes the other host active; this one is not, and will not be by an operator for a while.',
    args: z.object({ scenarioId }).strict(),
  },
  'peer.switchSide': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Side of a switchover',
    help: 'What a switchover would do on this host, and what stands in its way there.',
    args: z.object({ scenarioId, brief: z.boolean().optional() }).strict(),
  },
  'peer.success': {
    role: 'peer',
    danger: 'safe',
    title: 'Action upon Success',
    help: 'Runs the script of the property on this host.',
    args: z.object({ scenarioId, id: z.string().max(100) }).strict(),
  },
  'peer.standing': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'What a Replica has',
    help: 'How far this Replica is in the history of the host that was active, and whether anything is missing.',
    args: z.object({ scenarioId }).strict(),
  },
  'peer.quarantineRead': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Content in quarantine',
    help: 'A piece of a file that this host keeps, for the host that is active.',
    args: z
      .object({
        scenarioId,
        id: z.string().max(60),
        root: z.number().int().min(0).max(255),
        path: z.string().max(4096),
        position: z.number().int().nonnegative(),
      })
      .strict(),
  },
  'peer.rootSides': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Entries of roots',
    help: 'Files of the roots of the scenario as they are on this host now, to be compared with what is in quarantine.',
    args: z
      .object({
        scenarioId,
        places: z
          .array(
            z
              .object({
                root: z.number().int().min(0).max(255),
                path: z.string().max(4096),
                sizeBytes: z.number().nonnegative().optional(),
              })
              .strict(),
          )
          .max(200),
        text: z.boolean(),
      })
      .strict(),
  },
  'peer.forkPoint': {
    role: 'peer',
    danger: 'safe',
    readOnly: true,
    title: 'Where the histories part',
    help: 'What this host had of the history of the other when it became active.',
    args: z.object({ scenarioId }).strict(),
  },
} as const;
