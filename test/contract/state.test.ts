import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileSegmentLog } from '../../daemon/platform/node/segment-log.ts';
import { DurableStateFile } from '../../daemon/platform/node/state-file.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { segmentLogContract, stateFileContract } from './state-suite.ts';
import { temporaryDirectories } from './temporary.ts';

temporaryDirectories.removeAfterAll();

stateFileContract('memory state file', () => {
  const file = new MemoryStateFile();
  return { open: () => file, damage: () => file.damage() };
});

stateFileContract('state file', () => {
  const path = join(temporaryDirectories.make(), 'state');
  return {
    open: () => new DurableStateFile(path),
    damage: () => {
      const bytes = readFileSync(path);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(path, bytes);
    },
  };
});

segmentLogContract('memory segments', () => {
  const log = new MemorySegmentLog();
  return { open: () => log };
});

segmentLogContract('segments', () => {
  const directory = join(temporaryDirectories.make(), 'segments');
  return { open: () => new FileSegmentLog(directory) };
});
