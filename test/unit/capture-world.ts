/** A Master root in memory whose changes are captured, sent and applied to a second root by the reference applier. */

import { SentContents } from '../../daemon/capture/content-check.ts';
import { createDigest } from '../../daemon/capture/digest.ts';
import { toIndexed } from '../../daemon/capture/entry.ts';
import { compileFilter, type PathFilter } from '../../daemon/capture/filter.ts';
import { NOTHING_HELD } from '../../daemon/capture/held-places.ts';
import { resend } from '../../daemon/capture/resend.ts';
import { RootTracker } from '../../daemon/capture/tracker.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { LinkSession } from '../../daemon/link/session.ts';
import type { CaptureHint, LinkStream } from '../../daemon/ports.ts';
import { IntentSender } from '../../daemon/spool/intent-sender.ts';
import { SentBlocks } from '../../daemon/spool/sent-blocks.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Fault } from '../../shared/faults.ts';
import { MemoryCapture } from '../memory/capture.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';
import { ReferenceApplier } from './reference-applier.ts';

const hasher = await createContentHasher();

export class CaptureWorld {
  readonly clock = new SimulatedClock();
  readonly volume: MemoryVolume;
  readonly capture: MemoryCapture;
  readonly master: MemoryTree;
  readonly replica: MemoryTree;
  readonly user: MemoryUser;
  readonly state = new MasterState(':memory:');
  readonly sent = new SentContents();
  readonly tracker: RootTracker;
  readonly applier: ReferenceApplier;
  readonly sender: IntentSender;
  readonly faults: unknown[] = [];
  private steps = 0;
  /** Paths that had to be sent again. */
  readonly repaired: string[] = [];
  sessionFault: Fault | undefined;
  /** Applied to every batch of hints before the tracker sees it. */
  disturb: (hints: readonly CaptureHint[]) => readonly CaptureHint[] = (hints) => hints;
  private readonly stream: LinkStream;
  private readonly leftOut: PathFilter;

  constructor(
    options: {
      exclude?: readonly string[];
      fileFilter?: readonly string[];
      windowBytes?: number;
      delayMs?: () => number;
      removalsLimit?: number;
    } = {},
  ) {
    const rules = { exclude: options.exclude ?? [], fileFilter: options.fileFilter ?? [] };
    // What is excluded may be on the Replica from before.
    this.leftOut = compileFilter({ ...rules, exclude: [] }, true);
    this.volume = new MemoryVolume(this.clock);
    this.capture = new MemoryCapture(this.clock, options.delayMs);
    this.master = new MemoryTree({ volume: this.volume });
    this.replica = new MemoryTree({ volume: new MemoryVolume(this.clock) });
    this.user = new MemoryUser(this.master, this.capture);
    this.applier = new ReferenceApplier([this.replica]);
    this.tracker = new RootTracker({
      root: 0,
      tree: this.master,
      index: this.state,
      excluded: compileFilter(rules, true),
      held: NOTHING_HELD,
      ...(options.removalsLimit === undefined ? {} : { removalsLimit: options.removalsLimit }),
      digestOf: createDigest(hasher),
      hasher,
      sent: this.sent,
      onFailed: (_path, error) => this.faults.push(error),
    });
    this.state.setRoot(0, toIndexed(this.master.stat('')!)!);
    this.replica.setMetadata('', { mtimeNs: this.master.stat('')!.mtimeNs });
    this.stream = {
      send: () => {},
      close: () => {},
      onBytes: () => {},
      onClose: () => {},
    };
    const session = new LinkSession(this.stream, new SimulatedClock(), {
      onControl: () => {},
      onFrame: () => false,
      onClosed: (_reason, fault) => {
        this.sessionFault = fault;
      },
    });
    this.stream.send = (bytes) => {
      session.consumedBytes = session.sentBytes;
      this.applier.applyFrame(bytes.subarray(16));
    };
    let token = 0;
    this.sender = new IntentSender(
      session,
      {
        trees: [this.master],
        state: this.state,
        hasher,
        wallMs: () => 0,
        sent: this.sent,
        attributeKinds: ALL_KINDS,
        blocks: new SentBlocks('replica'),
        nextToken: () => {
          token += 1;
          return token;
        },
        onLookAgain: (_root, path) => this.tracker.lookLater(path, this.clock.bootMs()),
        onUnreadable: (_root, _path, fault) => this.faults.push(fault),
        onSent: () => {},
      },
      0,
    );
    this.capture.start((hints) => {
      for (const hint of this.disturb(hints)) this.tracker.takeHint(hint, this.clock.bootMs());
    });
  }

  /** One step of the tracker in its own transaction; false when nothing was due. */
  step(): boolean {
    this.steps += 1;
    if (this.steps > 20_000) throw new Error('steps without end');
    const changes = this.state.transaction(() =>
      this.tracker.step({
        bootMs: this.clock.bootMs(),
        wallMs: this.clock.wallMs(),
        sentSeq: this.sender.sentSeq,
        emit: (intent) => this.state.append(intent, this.clock.wallMs()),
      }),
    );
    return changes !== undefined;
  }

  send(): void {
    while (this.sender.pump(() => true));
    this.repair();
  }

  /** What a Replica could not apply is sent whole. */
  private repair(): void {
    for (const { root, path } of this.applier.repairs.splice(0)) {
      this.repaired.push(path);
      this.tracker.look(path, this.clock.bootMs());
      this.state.transaction(() =>
        resend(this.state, root, path, (intent) => this.state.append(intent, this.clock.wallMs())),
      );
    }
  }

  /** Lets time pass until all hints were looked at and everything is sent. */
  settle(): void {
    for (let round = 0; round < 5_000; round += 1) {
      this.advance(1);
      while (this.step());
      this.send();
      const due = this.tracker.nextDueMs(this.clock.bootMs());
      if (due === undefined) {
        this.advance(100);
        if (this.tracker.nextDueMs(this.clock.bootMs()) === undefined && this.sender.idle) return;
      } else if (due > this.clock.bootMs()) {
        this.advance(due - this.clock.bootMs());
      }
    }
    throw new Error('did not settle');
  }

  /** Moves time; the session's own timers are not of interest here. */
  advance(durationMs: number): void {
    this.clock.advance(durationMs);
  }

  masterView(): Map<string, string> {
    return describeTree(this.master, this.leftOut);
  }

  replicaView(): Map<string, string> {
    return describeTree(this.replica);
  }
}

export { SeededRandom };
