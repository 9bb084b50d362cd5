/**
 * Attributes of entries as they were seen last, of those that have any: tells a change of attributes from one of content,
 * which both show in the change time only. A row may say that they are not known: then a look sends more than it had to.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type AttributeBytes, NO_ATTRIBUTES } from '../../shared/attributes.ts';

export const ATTRIBUTE_SCHEMA =
  'CREATE TABLE IF NOT EXISTS attribute(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;';

/** No attributes are encoded like this: their first byte is a kind. */
const DOUBTED: AttributeBytes = Uint8Array.of(0xff);

export function isDoubted(bytes: AttributeBytes): boolean {
  return bytes.length === 1 && bytes[0] === DOUBTED[0];
}

export class AttributeRecord {
  private readonly read: StatementSync;
  private readonly write: StatementSync;
  private readonly drop: StatementSync;
  /** Noted since the last transaction, by id. */
  private readonly noted = new Map<number, AttributeBytes>();
  private any: boolean;

  /** The tables exist. Rows of entries that are gone are dropped now. */
  constructor(database: DatabaseSync) {
    this.read = database.prepare('SELECT bytes FROM attribute WHERE id = ?');
    this.write = database.prepare('INSERT OR REPLACE INTO attribute(id, bytes) VALUES(?, ?)');
    this.drop = database.prepare('DELETE FROM attribute WHERE id = ?');
    database.exec('DELETE FROM attribute WHERE id NOT IN (SELECT id FROM entry)');
    this.any = database.prepare('SELECT 1 FROM attribute LIMIT 1').get() !== undefined;
  }

  of(id: number): AttributeBytes {
    const noted = this.noted.get(id);
    if (noted !== undefined) return noted;
    const row = this.any ? (this.read.get(id) as { bytes: Uint8Array } | undefined) : undefined;
    return row?.bytes ?? NO_ATTRIBUTES;
  }

  /** Kept in memory until `flush`. */
  note(id: number, bytes: AttributeBytes): void {
    if (bytes.length === 0 && !this.any && this.noted.size === 0) return;
    this.noted.set(id, bytes);
  }

  /** Not every Replica may have got the same: `of` is equal to nothing until the next `note`. */
  doubt(id: number): void {
    this.noted.set(id, DOUBTED);
  }

  /** Writes what was noted as part of the open transaction. */
  flush(): void {
    for (const [id, bytes] of this.noted) {
      if (bytes.length > 0) {
        this.any = true;
        this.write.run(id, bytes);
      } else if (this.any) this.drop.run(id);
    }
    this.noted.clear();
  }
}
