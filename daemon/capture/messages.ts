/** Messages between the main thread and the capture thread. */
import type { MessagePort } from 'node:worker_threads';
import type { FaultDocument } from '../../shared/faults.ts';
import type { CaptureMethod, RootCapture } from '../ports.ts';

export interface CaptureWorkerData {
  readonly port: MessagePort;
  /** Methods that may be used, best first; undefined = all this system has. */
  readonly allowed: readonly CaptureMethod[] | undefined;
}

export type CaptureOrder =
  /** Watch `roots`; hints go to `port`. */
  | { readonly type: 'watch'; readonly id: number; readonly roots: readonly string[]; readonly port: MessagePort }
  | { readonly type: 'unwatch'; readonly id: number }
  | { readonly type: 'stop' };

export type CaptureAnswer =
  /** The first: how to wake the thread, where it can be. */
  | { readonly type: 'ready'; readonly wakeHandle: number | undefined }
  | { readonly type: 'watching'; readonly id: number; readonly choices: readonly RootCapture[] }
  /** Asked by nobody: a root is captured otherwise from now on. */
  | { readonly type: 'changed'; readonly id: number; readonly choices: readonly RootCapture[] }
  | { readonly type: 'refused'; readonly id: number; readonly fault: FaultDocument }
  | { readonly type: 'unwatched'; readonly id: number };
