/**
 * What a host must know of its role over every crash. A record that is not there is a record that was lost: only `create` begins one,
 * so that a host whose file was damaged, removed or set aside knows nothing and may do nothing (fenced).
 */
import { Fault } from '../../shared/faults.ts';
import type { StateFile } from '../ports.ts';
import { LOST_RECORD, type RoleRecord, roleRecord } from '../role/record.ts';

export class RoleRecordStore {
  private readonly file: StateFile;
  private readonly path: string;
  /** Undefined: not loaded yet. */
  private durable: RoleRecord | undefined;
  private failed: unknown;

  /** `path` is only for what is told. */
  constructor(file: StateFile, path: string) {
    this.file = file;
    this.path = path;
  }

  /** Begins a scenario on this host; throws STATE-DAMAGED when there is a record already. Before the book names it. */
  create(record: RoleRecord): void {
    const { record: found, fault } = this.load();
    if (fault !== undefined) throw fault;
    if (found !== LOST_RECORD) throw this.damaged('there is a record already');
    this.write(record);
  }

  /** `fault` says why nothing is known; the record then is the one of a host that may do nothing. */
  load(): { readonly record: RoleRecord; readonly fault?: Fault } {
    let bytes: Uint8Array | undefined;
    try {
      bytes = this.file.load();
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'STATE-DAMAGED') throw error;
      this.durable = LOST_RECORD;
      return { record: LOST_RECORD, fault: error };
    }
    const parsed = bytes === undefined ? undefined : roleRecord.safeParse(parseJson(bytes));
    this.durable = parsed?.success ? parsed.data : LOST_RECORD;
    if (parsed === undefined || parsed.success) return { record: this.durable };
    const issue = parsed.error.issues[0];
    return { record: LOST_RECORD, fault: this.damaged(`${issue?.path.join('.') || 'record'}: ${issue?.message}`) };
  }

  /**
   * Durable when it returns; nothing of the new state may leave the host or be done before. After a failure nothing is saved any
   * more (D12): what is on the disk is unknown, and only a restart can tell. Not so FS-FULL: the old record is there, whole.
   */
  save(record: RoleRecord): void {
    const { durable } = this;
    if (durable === undefined) throw new Error('a role record is loaded before it is saved');
    if (record.maxEpoch.number < durable.maxEpoch.number) throw new Error('INV-5: an epoch never goes back');
    if (record.turn <= durable.turn) throw new Error('a role record is saved with a new turn');
    this.write(record);
  }

  private write(record: RoleRecord): void {
    if (this.failed !== undefined) throw this.failed;
    try {
      this.file.save(new TextEncoder().encode(JSON.stringify(record)));
    } catch (error) {
      if (!isFull(error)) this.failed = error;
      throw error;
    }
    this.durable = record;
  }

  private damaged(reason: string): Fault {
    return new Fault('STATE-DAMAGED', { path: this.path, reason });
  }
}

/** Only before the new content takes the place of the old one (StateFile). */
export function isFull(error: unknown): boolean {
  return error instanceof Fault && error.code === 'FS-FULL';
}

/** undefined for what is not JSON: the schema then refuses it. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
