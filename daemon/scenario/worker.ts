/** What runs in an engine's thread: adapters of this system around one engine, messages in, notices out. */

import { join } from 'node:path';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { Fault } from '../../shared/faults.ts';
import { compileExcludes } from '../capture/filter.ts';
import { createContentHasher } from '../link/content-hash.ts';
import { RingLinks, STUCK } from '../link/ring-link.ts';
import { freeBytesOf } from '../platform/node/free-bytes.ts';
import { loadPlatform } from '../platform/select.ts';
import type { CaptureHint } from '../ports.ts';
import { MasterState } from '../store/master-state.ts';
import { storeFault } from '../store/sqlite-fault.ts';
import type { WorkerNotice, WorkerRequest } from './engine-host.ts';
import type { EngineConfig, EngineNotice, EngineRequest } from './engine-protocol.ts';
import { MasterEngine } from './master-engine.ts';
import { ReplicaEngine } from './replica-engine.ts';

/** With less than this the first transaction would only fail: it waits for room instead. */
const ROOM_TO_START_BYTES = 2 * 1024 * 1024;

const port = parentPort!;
type Engine = MasterEngine | ReplicaEngine;

const post = (notice: WorkerNotice) => port.postMessage(notice);
const links = new RingLinks('engine', post);

function notify(notice: EngineNotice): void {
  if (notice.type === 'link-send') {
    if (!links.write(notice.peer, notice.bytes)) post({ type: 'link-close', peer: notice.peer, fault: STUCK });
  } else if (notice.type === 'link-release') links.release(notice.peer, notice.count);
  else post(notice);
}

async function createEngine(config: EngineConfig): Promise<Engine> {
  const platform = await loadPlatform();
  const hasher = await createContentHasher();
  const trees = config.roots.map((root) => platform.openTree(root.path));
  const { clock, random } = platform;
  const freeBytes = freeBytesOf(config.directory);
  const at = (name: string): string => join(config.directory, name);
  if (config.role === 'master') {
    if (freeBytes() < ROOM_TO_START_BYTES) throw new Fault('FS-FULL', { path: config.directory });
    return new MasterEngine(
      config,
      { clock, random, trees, state: new MasterState(at('master.sqlite')), hasher, freeBytes },
      notify,
    );
  }
  return new ReplicaEngine(
    config,
    {
      clock,
      trees,
      spoolLog: platform.openSegmentLog(at('spool')),
      journalLog: platform.openSegmentLog(at('journal')),
      stateFile: platform.openStateFile(at('replica.state')),
      hasher,
      excluded: compileExcludes(
        config.exclude,
        trees.every((tree) => tree.capabilities.caseSensitive),
      ),
    },
    notify,
  );
}

let engine: Engine | undefined;
const early: EngineRequest[] = [];

function handle(request: EngineRequest): void {
  if (engine === undefined) early.push(request);
  else if (request.type === 'capture') {
    (request.port as MessagePort).on('message', (hints: readonly CaptureHint[]) =>
      engine?.handle({ type: 'hints', hints }),
    );
  } else engine.handle(request);
}

async function start(config: EngineConfig): Promise<void> {
  try {
    engine = await createEngine(config);
    engine.start();
    for (const request of early.splice(0)) handle(request);
  } catch (error) {
    notify({ type: 'failed', fault: storeFault(error, config.directory, freeBytesOf(config.directory)).toDocument() });
  }
}

port.on('message', (request: WorkerRequest) => {
  switch (request.type) {
    case 'start':
      void start(request.config);
      return;
    case 'link-rings':
      links.open(request.peer, request.rings);
      return;
    case 'link-wake':
    case 'link-room':
      links.onSignal(request, (bytes) => handle({ type: 'link-bytes', peer: request.peer, bytes }));
      return;
    default:
      handle(request);
  }
});
