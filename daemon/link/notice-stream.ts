/** The engine's end of a link: bytes go to the main thread as notices and come from it as requests (engine-protocol.ts). */
import type { FaultDocument } from '../../shared/faults.ts';
import type { EngineNotice } from '../engine/engine-protocol.ts';
import type { LinkStream } from '../ports.ts';

export class NoticeStream implements LinkStream {
  private readonly peer: string;
  private readonly notify: (notice: EngineNotice) => void;
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  /** Told to the main thread with `link-close`, so that it can say why. */
  closeFault: FaultDocument | undefined;

  constructor(peer: string, notify: (notice: EngineNotice) => void) {
    this.peer = peer;
    this.notify = notify;
  }

  send(bytes: Uint8Array): void {
    this.notify({ type: 'link-send', peer: this.peer, bytes });
  }

  release(count: number): void {
    this.notify({ type: 'link-release', peer: this.peer, count });
  }

  close(): void {
    this.notify({
      type: 'link-close',
      peer: this.peer,
      ...(this.closeFault === undefined ? {} : { fault: this.closeFault }),
    });
  }
}
