/** Commands that look into the past of a Replica; part of the catalogue in commands.ts. */
import { z } from 'zod';

const name = z.string().min(1).max(100);
const replica = z.string().min(1).max(255).optional();
const scenarioId = z.string().max(64);
const point = z.string().min(1).max(60);
const root = z.number().int().min(0).max(255);
const path = z.string().max(4096);
const previewArgs = { point, path: path.optional(), root: root.optional() };
const previewLimit = z.number().int().min(0).max(100_000).default(1000);
const ofFile = { point, root, path };
/** Entries of one page, or bytes of one piece of content. */
const extractListArgs = {
  ...ofFile,
  after: path.optional(),
  limit: z.number().int().min(1).max(10_000).default(2000),
  /** Files up to this size come with their content. */
  inlineBytes: z
    .number()
    .int()
    .min(0)
    .max(256 * 1024)
    .default(0),
};
const extractReadArgs = {
  ...ofFile,
  position: z.number().int().nonnegative(),
  length: z
    .number()
    .int()
    .min(1)
    .max(4 * 1024 * 1024),
};

export const PREVIEW_COMMANDS = {
  'scenario.preview': {
    role: 'view',
    danger: 'safe',
    title: 'Preview a rewind point',
    help: 'What setting data back to a point would bring back, take away and change; nothing is touched.',
    args: z.object({ name, replica, ...previewArgs, limit: previewLimit }).strict(),
    cli: 'preview',
  },
  'scenario.previewFile': {
    role: 'admin',
    readOnly: true,
    danger: 'safe',
    title: 'Compare a file with a rewind point',
    help: 'A file as it was at a point and as it is now.',
    args: z.object({ name, replica, ...ofFile }).strict(),
    cli: 'preview',
  },
  'scenario.extract': {
    role: 'admin',
    danger: 'safe',
    title: 'Extract from a rewind point',
    help: 'Allows the asking client to read a file or folder as it was at a point; nothing is touched.',
    args: z.object({ name, replica, ...ofFile }).strict(),
    cli: 'extract',
  },
  'scenario.extractList': {
    role: 'admin',
    readOnly: true,
    danger: 'safe',
    title: 'Entries at a rewind point',
    help: 'Lists a file or folder as it was at a point, a page at a time.',
    args: z.object({ name, replica, ...extractListArgs }).strict(),
  },
  'scenario.extractRead': {
    role: 'admin',
    readOnly: true,
    danger: 'safe',
    title: 'Content at a rewind point',
    help: 'Reads a piece of a file as it was at a point.',
    args: z.object({ name, replica, ...extractReadArgs }).strict(),
  },
  'peer.preview': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Preview on a Replica',
    help: 'What setting a Replica back to a point would do.',
    args: z.object({ scenarioId, ...previewArgs, limit: previewLimit }).strict(),
  },
  'peer.previewFile': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Compare a file of a Replica',
    help: 'A file of a Replica as it was at a point and as it is now.',
    args: z.object({ scenarioId, ...ofFile }).strict(),
  },
  'peer.extract': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Entry of a Replica at a point',
    help: 'A file or folder of a Replica as it was at a point.',
    args: z.object({ scenarioId, ...ofFile }).strict(),
  },
  'peer.extractList': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Entries of a Replica at a point',
    help: 'Lists a folder of a Replica as it was at a point.',
    args: z.object({ scenarioId, ...extractListArgs }).strict(),
  },
  'peer.extractRead': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Content of a Replica at a point',
    help: 'Reads a piece of a file of a Replica as it was at a point.',
    args: z.object({ scenarioId, ...extractReadArgs }).strict(),
  },
} as const;
