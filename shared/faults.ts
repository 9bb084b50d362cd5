/**
 * The fault catalogue: every error a user or a peer can meet, declared once.
 * `kind`: transient = try again later, permanent = something must change first, fatal = this process must stop.
 * `exit` is the command line's exit code (CLI contract): 1 failed, 2 usage, 3 not found, 4 refused, 5 unreachable, 6 timed out.
 * Never match on `text`: match on `code`.
 */
export type FaultKind = 'transient' | 'permanent' | 'fatal';

export interface FaultDefinition {
  readonly kind: FaultKind;
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6;
  /** `{name}` is replaced by the detail of that name. */
  readonly text: string;
  readonly hint: string;
}

function define<const T extends Record<string, FaultDefinition>>(catalogue: T): T {
  return catalogue;
}

export const FAULTS = define({
  INTERNAL: {
    kind: 'fatal',
    exit: 1,
    text: 'Internal error: {reason}',
    hint: 'This is a defect. Attach the log file of this host to a report.',
  },
  USAGE: { kind: 'permanent', exit: 2, text: '{reason}', hint: 'See `mainstay help`.' },
  TIMEOUT: {
    kind: 'transient',
    exit: 6,
    text: 'Timed out after {seconds} s waiting for {what}.',
    hint: 'Look at `mainstay status` and `mainstay events`; give a longer --timeout when the work is only slow.',
  },

  PARKED: {
    kind: 'permanent',
    exit: 4,
    text: 'Not everything can be applied: {count} parked on the Replica ({paths}), everything else is there.',
    hint: 'See what and why with `mainstay parked` or in `mainstay events`; mend the cause and it is sent again by itself.',
  },

  UNREADABLE: {
    kind: 'permanent',
    exit: 4,
    text: '{count} not readable on the Master ({paths}): what is there now is not on the Replicas, everything else is.',
    hint: 'See why in `mainstay events` (SYN-005, MNT-001); make it readable and it is sent by itself.',
  },

  'SCENARIO-SCHEDULED': {
    kind: 'permanent',
    exit: 4,
    text: 'The scenario "{name}" collects its changes; they are sent next at: {at}.',
    hint: 'Send them now with `mainstay send-now`, or give a --timeout that reaches beyond that moment.',
  },

  'SERVICE-FAILED': {
    kind: 'transient',
    exit: 1,
    text: 'The service {name} could not be started or stopped: {reason}.',
    hint: 'See the log of the service; it is tried again.',
  },
  'QUARANTINE-NOT-FOUND': {
    kind: 'permanent',
    exit: 3,
    text: 'There is no quarantine {id} on this host.',
    hint: '`mainstay quarantine NAME list` shows what there is.',
  },
  'QUARANTINE-DAMAGED': {
    kind: 'permanent',
    exit: 1,
    text: '"{path}" of quarantine {id} is not what was kept.',
    hint: 'Its disk may be failing. Extract the other items one by one with --path.',
  },
  'SWITCH-REFUSED': {
    kind: 'permanent',
    exit: 4,
    text: '"{name}" cannot be switched over now: {reason}.',
    hint: '`mainstay switchover NAME --dry-run` shows all that stands in the way.',
  },
  'SWITCH-SILENT': {
    kind: 'permanent',
    exit: 4,
    text: '{host}, which is active in "{name}", does not answer: {reason}.',
    hint: 'When you know that it is off (power, cable, virtual machine), state it: `mainstay switchover NAME --peer-is-fenced`. Two active hosts lose data.',
  },
  'GROUP-NOT-FOUND': {
    kind: 'permanent',
    exit: 3,
    text: 'There is no group "{name}" on this host.',
    hint: '`mainstay group list` shows the groups.',
  },
  'GROUP-REFUSED': {
    kind: 'permanent',
    exit: 4,
    text: 'The group "{name}" is not switched over now: {reason}.',
    hint: 'Nothing was begun. `mainstay group switchover NAME --dry-run` shows all that stands in the way.',
  },
  'SWITCH-FENCING': {
    kind: 'permanent',
    exit: 4,
    text: '{host} was not confirmed to be off by the script {script}: {reason}.',
    hint: 'Nothing was changed. Try again, or turn the host off by hand and state it: `mainstay switchover NAME --peer-is-fenced`.',
  },
  'SWITCH-ALIVE': {
    kind: 'permanent',
    exit: 4,
    text: '{host} was heard {seconds} s ago: it is not off.',
    hint: 'A switchover with its help loses nothing: leave out `--peer-is-fenced`.',
  },
  'REDIRECT-FAILED': {
    kind: 'transient',
    exit: 1,
    text: '{method} failed: {reason}.',
    hint: 'Mend the cause and try again; `mainstay switchover --dry-run` shows every command and record.',
  },
  'REDIRECT-IN-USE': {
    kind: 'transient',
    exit: 4,
    text: 'Another machine ({by}) on the network of {device} holds the address {address}.',
    hint: 'It is not taken while somebody holds it: stop the other host or take the address from it, then try again.',
  },

  'REHEARSAL-UNAVAILABLE': {
    kind: 'permanent',
    exit: 4,
    text: 'The Replica cannot be tested here: {reason}.',
    hint: 'A test needs a writable view over the roots: Linux, the engine as root with CAP_SYS_ADMIN, and a data directory on a local volume.',
  },
  'SCRIPT-FAILED': {
    kind: 'permanent',
    exit: 1,
    text: 'The script {name} failed: {reason}.',
    hint: 'Its output is in the log of the engine; run it by hand with the variables MAINSTAY_SCENARIO, MAINSTAY_HOST and MAINSTAY_SWITCH.',
  },
  'SCRIPT-NOT-FOUND': {
    kind: 'permanent',
    exit: 3,
    text: 'No script "{name}" is registered on this host.',
    hint: 'Register it there with `mainstay script register`; see what is registered with `mainstay script list`.',
  },
  'SCRIPT-UNSAFE': {
    kind: 'permanent',
    exit: 4,
    text: 'The script "{name}" is not run: {reason}.',
    hint: 'It must be an executable file of the account of the engine (or root) that nobody else can change; register it again.',
  },

  'PATH-ESCAPE': {
    kind: 'permanent',
    exit: 4,
    text: 'The path "{path}" leaves its root or is not a valid relative path.',
    hint: 'Paths are relative to a root, without "..", empty names or NUL.',
  },
  'PATH-NAME': {
    kind: 'permanent',
    exit: 1,
    text: 'The name "{path}" cannot be represented on the other host.',
    hint: 'Rename the file; it is parked until then.',
  },
  'PATH-SYMLINK': {
    kind: 'permanent',
    exit: 4,
    text: 'A parent of "{path}" is a symbolic link or not a directory; refusing to write through it.',
    hint: 'Remove the link on the Replica; only Mainstay should write there.',
  },

  'ASIDE-FULL': {
    kind: 'permanent',
    exit: 1,
    text: 'The metadata of "{path}" cannot be kept aside: {limit} is reached.',
    hint: 'Its content is there. Raise aside.maxBytes of this Replica or use a volume that holds the metadata; it is tried again.',
  },
  'FS-NOT-FOUND': {
    kind: 'transient',
    exit: 3,
    text: '"{path}" does not exist.',
    hint: 'It may have been removed meanwhile.',
  },
  'FS-EXISTS': {
    kind: 'permanent',
    exit: 1,
    text: '"{path}" exists already.',
    hint: 'Something else writes into the Replica root.',
  },
  'FS-IMMUTABLE': {
    kind: 'permanent',
    exit: 1,
    text: '"{path}" or its directory is immutable or append-only.',
    hint: 'Take the flag off on that host (`chattr -i -a`); it is tried again by itself.',
  },
  'FS-DENIED': {
    kind: 'permanent',
    exit: 1,
    text: 'Permission denied for "{path}".',
    hint: 'The engine needs Read on the Master roots and Read/Write on the Replica roots.',
  },
  'FS-BUSY': {
    kind: 'transient',
    exit: 1,
    text: '"{path}" is in use by another program.',
    hint: 'It is retried; close the program that holds it.',
  },
  'FS-FULL': {
    kind: 'transient',
    exit: 1,
    text: 'No space left for "{path}".',
    hint: 'Free space on that volume; replication goes on by itself.',
  },
  'FS-LIMIT': {
    kind: 'transient',
    exit: 1,
    text: 'This host ran out of open files or memory at "{path}" ({reason}).',
    hint: 'It is retried; raise the limit of open files of the service (LimitNOFILE) or free memory.',
  },
  'FS-READ-ONLY': {
    kind: 'permanent',
    exit: 1,
    text: '"{path}" is on a read-only file system.',
    hint: 'Remount it read-write.',
  },
  'FS-NOT-EMPTY': {
    kind: 'transient',
    exit: 1,
    text: 'The directory "{path}" is not empty.',
    hint: 'Something else writes into the Replica root.',
  },
  'FS-UNSUPPORTED': {
    kind: 'permanent',
    exit: 1,
    text: '{what} is not supported here: {path}',
    hint: 'See the platform page of the documentation.',
  },
  'FS-IO': {
    kind: 'fatal',
    exit: 1,
    text: 'Input/output error on "{path}": {reason}',
    hint: 'Check the disk; a failed flush is never retried because the kernel may have dropped the data.',
  },
  'FS-CHANGED': { kind: 'transient', exit: 1, text: '"{path}" changed while it was read.', hint: 'It is read again.' },

  'ROOT-MISSING': {
    kind: 'permanent',
    exit: 4,
    text: 'The root "{path}" is missing or is not the directory it was (not mounted?).',
    hint: 'Mount or restore it; nothing was deleted on the other side. Run the scenario again if the root was replaced on purpose.',
  },

  'LINK-REFUSED': {
    kind: 'permanent',
    exit: 4,
    text: 'The other host refused the link: {reason}',
    hint: 'See the event log of both hosts.',
  },
  'LINK-VERSION': {
    kind: 'permanent',
    exit: 4,
    text: 'Incompatible engine versions: this host speaks {ours}, the other {theirs}.',
    hint: 'Upgrade the older engine.',
  },
  'LINK-FRAME': {
    kind: 'transient',
    exit: 1,
    text: 'A damaged or malformed frame arrived: {reason}',
    hint: 'The link is closed and opened again; nothing of the frame was used.',
  },
  'LINK-SETTINGS': {
    kind: 'permanent',
    exit: 4,
    text: 'The hosts do not agree on the settings of the scenario.',
    hint: 'Stop and run the scenario again: Run distributes its settings.',
  },
  'LINK-EPOCH': {
    kind: 'permanent',
    exit: 4,
    text: 'The other host knows a newer epoch ({theirs}) than this one ({ours}).',
    hint: 'A switchover happened; this host must not write.',
  },
  'LINK-UNREACHABLE': {
    kind: 'transient',
    exit: 5,
    text: 'Cannot reach {host}: {reason}',
    hint: 'Check the address, the port, the firewall and that the engine runs there.',
  },

  'SPOOL-DAMAGED': {
    kind: 'permanent',
    exit: 1,
    text: 'The spool of "{scenario}" is damaged at byte {offset}.',
    hint: 'What was acknowledged before is applied; the rest is requested again from the Master.',
  },
  'SPOOL-MISSING': {
    kind: 'permanent',
    exit: 4,
    text: 'The spool "{path}" is missing or is not the one it was (not mounted?).',
    hint: 'Mount or restore it and replication goes on by itself. When it is gone for good, stop the scenario and run it again: everything is compared then, nothing is lost. On a Replica whose Master is gone: `mainstay give-up-spool`.',
  },
  'SPOOL-UNUSABLE': {
    kind: 'permanent',
    exit: 4,
    text: 'The spool directory "{path}" cannot be used: {reason}',
    hint: 'Mend it and replication goes on by itself, or stop the scenario and choose another with `mainstay scenario set NAME spool.directory@HOST=PATH`: one the engine may write to, outside the roots, on a volume that outlives a restart.',
  },
  'STATE-DAMAGED': {
    kind: 'permanent',
    exit: 1,
    text: 'The state file "{path}" is damaged: {reason}',
    hint: 'It was set aside with the ending .damaged; the scenario is compared again.',
  },

  'ACCESS-UNKNOWN-DEVICE': {
    kind: 'permanent',
    exit: 4,
    text: 'This device is not paired with the host.',
    hint: 'On the host: `mainstay pair invite`; here: `mainstay pair accept INVITE`.',
  },
  'ACCESS-REVOKED': {
    kind: 'permanent',
    exit: 4,
    text: 'This device was revoked on the host.',
    hint: 'Pair again if that was a mistake.',
  },
  'ACCESS-DENIED': {
    kind: 'permanent',
    exit: 4,
    text: 'The role "{role}" may not do this ({command}).',
    hint: 'Ask an administrator of the host for the rights.',
  },
  'ACCESS-INVITE': {
    kind: 'permanent',
    exit: 4,
    text: 'The invitation is wrong, used up or expired.',
    hint: 'Make a new one with `mainstay pair invite`; it is valid for 10 minutes and 5 tries.',
  },
  'ACCESS-PIN': {
    kind: 'permanent',
    exit: 4,
    text: 'The host at {host} has another key ({found}) than the one paired ({expected}).',
    hint: 'Someone may be impersonating it. If the host was rebuilt, revoke and pair again.',
  },
  'ACCESS-RATE': { kind: 'transient', exit: 4, text: 'Too many attempts.', hint: 'Wait a minute.' },

  'AUDIT-FAILED': {
    kind: 'permanent',
    exit: 1,
    text: 'The audit log cannot be written: {reason}',
    hint: 'Administrative changes wait until it can; replication goes on. Check the disk of the data directory.',
  },

  'COMMAND-UNKNOWN': {
    kind: 'permanent',
    exit: 2,
    text: 'Unknown command "{command}".',
    hint: 'The host may run an older version.',
  },
  'COMMAND-INVALID': {
    kind: 'permanent',
    exit: 2,
    text: 'The request "{command}" is not valid: {reason}',
    hint: 'See the documentation of the command.',
  },

  'SCENARIO-NOT-FOUND': {
    kind: 'permanent',
    exit: 3,
    text: 'There is no scenario "{name}".',
    hint: 'See `mainstay scenario list`.',
  },
  'SCENARIO-EXISTS': {
    kind: 'permanent',
    exit: 4,
    text: 'There is a scenario "{name}" already.',
    hint: 'Choose another name or delete the old one.',
  },
  'SCENARIO-CYCLE': {
    kind: 'permanent',
    exit: 2,
    text: 'The data of "{name}" would come back to a host it has passed: {way}.',
    hint: 'Let another host feed the last one (`source`), or take it out of the scenario.',
  },
  'SCENARIO-FED': {
    kind: 'permanent',
    exit: 4,
    text: 'The Replica of "{name}" on this host is fed by {feeder}, which is connected.',
    hint: 'Take it away there first; a feeder that is gone for good needs nothing but a document that names the new one.',
  },
  'SCENARIO-INVALID': {
    kind: 'permanent',
    exit: 2,
    text: 'The scenario is not valid: {reason}',
    hint: 'See `mainstay scenario schema` and `mainstay scenario template`.',
  },
  'SCENARIO-STATE': {
    kind: 'permanent',
    exit: 4,
    text: 'Not possible while "{name}" is {state}: {reason}',
    hint: 'See `mainstay status`.',
  },
  'REWIND-OFF': {
    kind: 'permanent',
    exit: 4,
    text: 'Data Rewind is off on this Replica: no rewind points are registered.',
    hint: 'Stop the scenario and set recovery.dataRewind of the Replica to on.',
  },
  'POINT-NOT-FOUND': {
    kind: 'permanent',
    exit: 3,
    text: 'There is no rewind point {point}.',
    hint: 'See `mainstay points`; the oldest ones go after the retention period.',
  },
  'POINT-INCOMPLETE': {
    kind: 'permanent',
    exit: 4,
    text: '{count} cannot be given back at that point, the first is "{path}": {reason}.',
    hint: 'Nothing was changed. `mainstay preview` lists them. Choose a younger point, or give --accept-lost: these places then stay as they are now and everything else is given back.',
  },
  'RESTORE-FAILED': {
    kind: 'permanent',
    exit: 1,
    text: 'The restore of "{name}" stopped: {reason}.',
    hint: 'Resolve the cause and run the Recovery scenario to go on, or remove it; `mainstay undo` gives back what was replaced.',
  },
  'UNDO-NONE': {
    kind: 'permanent',
    exit: 4,
    text: 'There is nothing to undo for "{name}": no rewind, and no restore to the Master that is still kept.',
    hint: 'See `mainstay points`: every rewind leaves a point before it.',
  },
  'EXTRACT-EXISTS': {
    kind: 'permanent',
    exit: 4,
    text: '"{path}" is there already.',
    hint: 'Name an empty directory, or say --overwrite.',
  },
  'POINT-PATH': {
    kind: 'permanent',
    exit: 3,
    text: 'There was no "{path}" at {point}.',
    hint: 'Paths are relative to their root; `mainstay preview` lists what was otherwise at a point.',
  },
  'POINT-LOST': {
    kind: 'permanent',
    exit: 1,
    text: '"{path}" cannot be given back as it was: {reason}.',
    hint: 'What the journal kept of it is damaged or gone; try a later point of the file, see `mainstay points --path`.',
  },
  'ENGINE-ENDED': {
    kind: 'transient',
    exit: 1,
    text: 'The engine of the scenario ended before it answered: {reason}',
    hint: 'It is started again by itself while the scenario runs; repeat the request.',
  },
  'SCENARIO-REVISION': {
    kind: 'permanent',
    exit: 4,
    text: '"{name}" was changed meanwhile: the edit is of revision {given}, the scenario has {current}.',
    hint: 'Read it again with `mainstay scenario show` and repeat the change.',
  },
  'SCENARIO-WARNINGS': {
    kind: 'permanent',
    exit: 4,
    text: 'Verification of "{name}" reported warnings that need an acknowledgement.',
    hint: 'Read them with `mainstay verify`, then run with --acknowledge-warnings.',
  },
  'SCENARIO-ERRORS': {
    kind: 'permanent',
    exit: 4,
    text: 'Verification of "{name}" reported errors.',
    hint: 'Resolve them first: `mainstay verify` says how.',
  },
  'CONFIRM-NEEDED': {
    kind: 'permanent',
    exit: 4,
    text: '{what} needs a confirmation.',
    hint: 'Add --yes (or --confirm NAME where the name is asked for).',
  },

  'REPORT-NOT-FOUND': {
    kind: 'permanent',
    exit: 3,
    text: 'There is no report "{id}".',
    hint: 'See `mainstay reports list`.',
  },

  'CONFIG-INVALID': {
    kind: 'permanent',
    exit: 2,
    text: 'The setting {key} is not valid: {reason}',
    hint: 'See the reference of the settings.',
  },
  'DISCOVER-FAILED': {
    kind: 'permanent',
    exit: 1,
    text: 'Cannot discover {application}: {reason}',
    hint: 'Give the configuration file with --config.',
  },
  'DATA-LOCKED': {
    kind: 'permanent',
    exit: 4,
    text: 'Another engine (process {pid}) uses the data directory {path}.',
    hint: 'Stop it first; two engines on one data directory would damage it.',
  },
} as const);

export type FaultCode = keyof typeof FAULTS;
export type FaultDetails = Readonly<Record<string, string | number | boolean>>;

/** The wire and JSON form of a fault. */
export interface FaultDocument {
  readonly code: FaultCode;
  readonly text: string;
  readonly hint: string;
  readonly details?: FaultDetails;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly details: FaultDetails;

  constructor(code: FaultCode, details: FaultDetails = {}, cause?: unknown) {
    super(fillTemplate(FAULTS[code].text, details), cause === undefined ? undefined : { cause });
    this.name = 'Fault';
    this.code = code;
    this.details = details;
  }

  get kind(): FaultKind {
    return FAULTS[this.code].kind;
  }

  get hint(): string {
    return FAULTS[this.code].hint;
  }

  get exitCode(): number {
    return FAULTS[this.code].exit;
  }

  toDocument(): FaultDocument {
    return { code: this.code, text: this.message, hint: this.hint, details: this.details };
  }

  static fromDocument(document: FaultDocument): Fault {
    return Object.hasOwn(FAULTS, document.code)
      ? new Fault(document.code, document.details ?? {})
      : new Fault('INTERNAL', { reason: document.text });
  }

  /** Any thrown value as a fault; what is not one becomes INTERNAL with the original as its cause. */
  static from(error: unknown): Fault {
    if (error instanceof Fault) return error;
    return new Fault('INTERNAL', { reason: error instanceof Error ? error.message : String(error) }, error);
  }
}

export function fillTemplate(template: string, values: FaultDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) =>
    Object.hasOwn(values, key) ? String(values[key]) : whole,
  );
}
