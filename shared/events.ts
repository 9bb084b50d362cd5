/**
 * The event catalogue: every entry of the event stream, declared once. Texts that the IIS Operation Guide quotes are kept
 * word for word. `{name}` is filled from the event's details. `notify`: sent by default notification rules.
 */
export type Severity = 'info' | 'warning' | 'error' | 'critical';
export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'error', 'critical'];

export interface EventDefinition {
  readonly severity: Severity;
  readonly text: string;
  /** What to do about it; only where there is something to do. */
  readonly hint?: string;
}

function define<const T extends Record<string, EventDefinition>>(catalogue: T): T {
  return catalogue;
}

export const EVENTS = define({
  'HST-001': { severity: 'info', text: 'Engine started ({version})' },
  'HST-002': { severity: 'info', text: 'Engine stopped' },
  'HST-003': { severity: 'warning', text: 'Engine was not stopped cleanly before; recovering' },
  'HST-004': {
    severity: 'error',
    text: 'The event log was damaged and set aside as {path}',
    hint: 'Earlier events are in that file; check the disk.',
  },
  'HST-005': {
    severity: 'error',
    text: 'Damaged and set aside: {path} ({reason})',
    hint: 'It is kept with the ending .damaged; what it held must be entered again or restored from a backup.',
  },
  'HST-006': {
    severity: 'warning',
    text: 'The clock of {peer} is {difference} (against this host): times in events, reports and points of both cannot be put beside each other',
    hint: 'Synchronize both clocks (NTP). Replication itself does not depend on them.',
  },
  'HST-007': { severity: 'info', text: 'The clock of {peer} agrees with the one of this host again' },

  'SCN-001': { severity: 'info', text: 'Scenario created' },
  'SCN-002': { severity: 'info', text: 'Scenario changed: {keys}' },
  'SCN-003': { severity: 'info', text: 'Scenario deleted' },
  'SCN-010': { severity: 'info', text: 'Scenario is starting' },
  'SCN-011': { severity: 'info', text: 'Scenario has stopped' },
  'SCN-012': { severity: 'info', text: 'Stopped by user' },
  'SCN-013': {
    severity: 'error',
    text: 'Scenario failed: {reason}',
    hint: 'Resolve the cause, then run the scenario again.',
  },
  'SCN-014': { severity: 'info', text: 'Scenario is protected' },
  'SCN-015': {
    severity: 'error',
    text: 'The engine of the scenario ended unexpectedly and is started again: {reason}',
    hint: 'Changes made meanwhile are found by comparison. Attach the log file to a report.',
  },
  'SCN-016': {
    severity: 'warning',
    text: 'Replica {peer} is suspended: it keeps changes in its spool and applies none',
    hint: 'Resume it before the spool is full: `mainstay resume`.',
  },
  'SCN-017': { severity: 'info', text: 'Replica {peer} is resumed' },
  'SCN-018': { severity: 'info', text: 'The host is back from its restart; replication goes on where it was' },
  'SCN-019': {
    severity: 'warning',
    text: '{peer} feeds this Replica from now on, before it was {before}; the rewind points made until now are gone',
    hint: 'It is compared with what feeds it now; nothing that is equal is sent again.',
  },

  'SWT-001': { severity: 'warning', text: 'Switchover from {from} to {to} is starting' },
  'SWT-002': { severity: 'warning', text: 'Switchover completed: {active} is active' },
  'SWT-003': {
    severity: 'error',
    text: 'Switchover was given up, {active} stays active: {reason}',
    hint: 'Nothing was changed for users. Mend the cause; `mainstay switchover --dry-run` shows what stands in the way.',
  },
  'SWT-004': { severity: 'info', text: 'Switchover, step {step} of 8: {title}' },
  'SWT-005': {
    severity: 'critical',
    text: '{active} became active without {other}: {why}. Changes {other} had not sent are not in it',
    hint: 'When {other} comes back it stays standby, and what only it has goes to quarantine.',
  },
  'SWT-006': {
    severity: 'warning',
    text: 'Another host is active: this one is fenced and takes no users',
    hint: 'What only this host has is looked for and kept in quarantine before anything of it is replaced.',
  },
  'SWT-007': { severity: 'warning', text: 'Redirection: {remark}' },
  'SWT-008': {
    severity: 'warning',
    text: 'The data is compared before replication goes on in the reverse direction: {reason}',
  },
  'SWT-009': {
    severity: 'critical',
    text: 'The role of this host could not be made durable: {reason}. It takes no users until the engine is started again',
    hint: 'Check the disk of the data directory, then restart the engine.',
  },
  'SWT-010': {
    severity: 'warning',
    text: 'This host waits for you: {reason}',
  },
  'SWT-011': { severity: 'info', text: 'The automatic switchover was acknowledged' },
  'SWT-013': {
    severity: 'warning',
    text: '{items} changes ({bytes} bytes) that only this host has are in quarantine {id}',
    hint: '`mainstay quarantine NAME show` lists them, `extract` gives their contents back.',
  },
  'SWT-014': {
    severity: 'warning',
    text: 'What only this host has cannot be listed: {reason}. It stays as it is until you run the scenario on the active host',
    hint: 'Save what you need of this host first: the run replaces everything that differs.',
  },
  'SWT-020': {
    severity: 'error',
    text: 'What only this host has cannot be put in quarantine: {reason}. Everything stays as it is',
    hint: 'This host is no standby until it can. Usually the volume of its data directory is full: free space there, it goes on by itself.',
  },
  'SWT-015': { severity: 'info', text: 'Services started: {names}' },
  'SWT-016': { severity: 'info', text: 'Services stopped: {names}' },
  'SWT-017': { severity: 'info', text: 'Script {script} ended with {exitCode} after the switchover' },
  'SWT-018': {
    severity: 'error',
    text: 'Script {script} failed after the switchover: {reason}',
    hint: 'The switchover itself is complete.',
  },
  'SWT-019': {
    severity: 'warning',
    text: 'The rewind points of this host made until now cannot be reached any more: it was active, and what users changed meanwhile is in no journal',
    hint: 'New points are made from now on. The points of the other host are not touched by this.',
  },
  'SWT-021': {
    severity: 'critical',
    text: 'This host became active with data that is no whole copy, as the operator accepted: {reason}',
    hint: 'Some files may be of before, some of after; compare with a backup.',
  },
  'SWT-012': {
    severity: 'error',
    text: 'Switchover: step "{title}" does not get on: {reason}',
    hint: 'It is tried again until it works.',
  },
  'SWT-022': {
    severity: 'error',
    text: 'The arbiter does not answer {host}: {reason}',
    hint: 'The active host stays active while its standby agrees; nobody takes over by itself until the arbiter is back.',
  },
  'SWT-023': { severity: 'info', text: 'The arbiter answers {host} again' },
  'SWT-030': {
    severity: 'critical',
    text: '{other} is down for its users, and no automatic switchover starts: {reason}',
    hint: 'Mend what stands against it, or perform a switchover yourself: `mainstay switchover`.',
  },
  'SWT-031': {
    severity: 'warning',
    text: 'Fencing: the script {script} is run to turn {other} off (attempt {attempt})',
  },
  'SWT-032': { severity: 'warning', text: 'Fencing: {script} confirmed that {other} is off. It printed: {output}' },
  'SWT-033': {
    severity: 'critical',
    text: 'Fencing of {other} failed: {reason}. It is tried again in {seconds} s; nobody takes over meanwhile',
    hint: 'Turn the host off by hand and state it: `mainstay switchover NAME --peer-is-fenced`.',
  },
  'SWT-034': {
    severity: 'critical',
    text: '{other} was heard after {script} had confirmed that it is off, and had not been restarted: it was not off',
    hint: 'Both hosts may have had users. Nothing is lost: what only {other} has goes to quarantine. Mend the script before it is needed again.',
  },
  'SWT-035': { severity: 'info', text: 'Fencing of {other} is given up: {reason}' },
  'SWT-036': {
    severity: 'critical',
    text: 'Automatic switchover: the application on {other} is down, its engine hands over: {reason}',
  },
  'SWT-037': {
    severity: 'error',
    text: '{other} does not hand over although its application is down: {reason}',
    hint: 'It is asked again, later each time, for as long as the application is down.',
  },
  'SWT-038': {
    severity: 'critical',
    text: 'UNSAFE: {active} became active because reference addresses answer it and {other} does not. Nobody confirmed that {other} is off: if only the network between them failed, both take users now',
    hint: 'Make sure that {other} is off. When it comes back, what only it has goes to quarantine. A witness, etcd or fencing would have decided.',
  },
  'SWT-042': {
    severity: 'critical',
    text: 'This Replica has {count} changes that {active}, which is active now, lacks. It is not overwritten before you run the scenario on {active}',
    hint: 'Nobody else has these changes: save what you need of this host first. The run replaces everything that differs.',
  },
  'SWT-043': {
    severity: 'critical',
    text: 'This Replica has {count} changes that {active}, which is active now, lacks. They are replaced; the journal of this host keeps what was',
    hint: '`mainstay points` lists what can be gone back to; `extract` gives single files.',
  },
  'SWT-044': { severity: 'warning', text: 'This host is restarted now, as the scenario asks for after a switchover' },
  'SWT-045': {
    severity: 'warning',
    text: 'This host is not restarted after the switchover, as the scenario asks for: {reason}',
    hint: 'Restart it by hand when nobody needs it.',
  },
  'SWT-041': {
    severity: 'warning',
    text: 'Replica {peer} does not go on without a comparison with the new active host: {reason}',
    hint: 'Nothing that is equal is sent again. The others went on without that.',
  },
  'SWT-040': {
    severity: 'warning',
    text: 'The application is not stopped on this host, the switchover goes on without that: {reason}',
    hint: 'Users cannot reach it here any more. What it still writes goes to quarantine.',
  },
  'SWT-050': {
    severity: 'warning',
    text: '"{path}" was put back from quarantine {id} by an operator; what was there is kept in quarantine: {kept}',
  },
  'SWT-039': { severity: 'info', text: 'The hold-down after the automatic switchover is over' },

  'GRP-001': { severity: 'warning', text: 'Group {group}: switchover of {members} begins' },
  'GRP-002': { severity: 'info', text: 'Group {group}: {scenario} is on {active} ({number})' },
  'GRP-003': { severity: 'warning', text: 'Group {group}: switchover completed: {truth}' },
  'GRP-004': {
    severity: 'error',
    text: 'Group {group}: switchover failed, no other scenario is begun: {truth}',
    hint: 'Mend the cause, then go on with `mainstay group switchover NAME --continue`, or go back with `--to HOST`.',
  },
  'GRP-005': {
    severity: 'error',
    text: 'Group {group}: the engine that carried the switchover out was restarted; no other scenario is begun: {truth}',
    hint: 'A scenario that was on its way goes on by itself. Then go on with `mainstay group switchover NAME --continue`.',
  },

  'VER-001': { severity: 'info', text: 'Verification completed successfully' },
  'VER-002': { severity: 'warning', text: 'Verification found {warnings} warnings' },
  'VER-003': { severity: 'error', text: 'Verification found {errors} errors', hint: 'See `mainstay verify`.' },

  'SYN-001': { severity: 'info', text: 'Synchronization started ({method})' },
  'SYN-002': { severity: 'info', text: 'Synchronization finished' },
  'SYN-003': { severity: 'info', text: 'All modifications during synchronization period are replicated' },
  'SYN-004': {
    severity: 'error',
    text: 'Synchronization stopped: {reason}',
    hint: 'It goes on where it stopped when the cause is gone.',
  },
  'SYN-005': {
    severity: 'warning',
    text: 'Could not be synchronized: {path} ({reason})',
    hint: 'It is tried again; see `mainstay parked`.',
  },
  'SYN-006': {
    severity: 'warning',
    text: 'Out of sync: {reason}',
    hint: 'Run the scenario again to compare and repair.',
  },
  'SYN-007': {
    severity: 'warning',
    text: 'All modifications during synchronization period are replicated, except {count} parked: {paths}',
    hint: 'See `mainstay parked`; what is parked is tried again by itself.',
  },
  'SYN-008': {
    severity: 'info',
    text: 'The spool was full: comparing {count} places on {peer} where changes were dropped',
  },

  'CAP-001': { severity: 'info', text: 'Capturing changes by {method}' },
  'CAP-002': {
    severity: 'warning',
    text: 'Change notifications were lost below {path}; rescanning it',
    hint: 'Nothing is lost: the place is compared with what was recorded.',
  },
  'CAP-003': {
    severity: 'warning',
    text: 'Capture is degraded ({method}): {reason}',
    hint: 'Changes are found by periodic comparison as well.',
  },
  'CAP-005': { severity: 'info', text: 'Audit walk: {entries} entries compared, no change had been missed' },
  'CAP-006': {
    severity: 'warning',
    text: 'Audit walk: {differences} of {entries} entries had changed without being noticed; they are being sent',
    hint: 'Look at `capture` in `mainstay status`; programs that write through memory maps they never close cause it too.',
  },
  'CAP-004': { severity: 'info', text: 'Recovered {changes} changes made while the engine was not running' },

  'CAP-007': {
    severity: 'info',
    text: 'Not replicated: {count} sockets, pipes or devices ({paths})',
    hint: 'They mean nothing on another host; exclude them if you do not want to be told.',
  },
  'CAP-008': { severity: 'info', text: 'There are no sockets, pipes or devices below the roots any more' },

  'LNK-001': { severity: 'info', text: 'Connected to {peer}' },
  'LNK-002': {
    severity: 'warning',
    text: 'Connection to {peer} lost: {reason}',
    hint: 'Changes are kept in the spool; it reconnects by itself.',
  },
  'LNK-003': { severity: 'error', text: 'Connection with {peer} refused: {reason}' },

  'SPL-001': {
    severity: 'info',
    text: 'The spool was moved from {from} to {to}',
    hint: 'Remove the new path from file level antivirus scans: both scheduled and real time.',
  },
  'SPL-002': {
    severity: 'warning',
    text: 'The spool {path} is gone; a new one was begun and everything is compared',
    hint: 'Nothing is lost: what it held is found by the comparison.',
  },
  'SPL-003': {
    severity: 'critical',
    text: 'Replication waits for its spool: {reason}',
    hint: 'Mount or mend it: replication goes on by itself.',
  },
  'SPL-004': { severity: 'info', text: 'The spool can be used again; replication goes on' },
  'SPL-080': {
    severity: 'warning',
    text: 'Spool above 80% ({percent}%)',
    hint: 'The link or the Replica is slower than the changes.',
  },
  'SPL-100': {
    severity: 'error',
    text: 'Spool is full; changes are collapsed and will be compared again',
    hint: 'Nothing is lost; enlarge the spool or the bandwidth.',
  },

  'APL-001': {
    severity: 'warning',
    text: 'Parked: {path} ({reason})',
    hint: 'See `mainstay parked`; it is tried again by itself.',
  },
  'APL-002': { severity: 'error', text: 'Apply is held: {reason}' },
  'APL-003': { severity: 'info', text: 'Apply goes on' },
  'APL-004': {
    severity: 'warning',
    text: 'Refused to write outside the root: {path}',
    hint: 'Someone planted a link in the Replica root.',
  },
  'APL-005': {
    severity: 'warning',
    text: 'Dropped from the parked items by the operator: {count} ({paths})',
    hint: 'They are not proven identical until a comparison: `mainstay diff`, or run the scenario again.',
  },

  'APL-006': {
    severity: 'warning',
    text: 'Metadata kept aside: the volume or account of {root} cannot hold {what} (first for {path})',
    hint: 'Contents arrive all the same, and a failback brings it back. Programs on the Replica do not see it: let the engine run as root on a volume that holds it if they must.',
  },

  'APL-010': {
    severity: 'warning',
    text: 'Metadata kept aside takes {percent} % of its limit (aside.maxBytes)',
    hint: 'At the limit items are parked: their content arrives, their metadata does not. Raise the limit, or use a volume that holds the metadata.',
  },
  'APL-008': {
    severity: 'error',
    text: 'What was applied cannot be recorded: {reason}',
    hint: 'Nothing is lost: the changes stay in the spool and are applied again after a crash. Free space: it goes on by itself.',
  },
  'APL-009': { severity: 'info', text: 'What was applied is recorded again' },
  'APL-007': {
    severity: 'critical',
    text: 'Apply has been held since {since}: {reason} {todo}',
    hint: 'Changes wait in the spool and the Replica falls behind. It goes on by itself when the cause is gone.',
  },

  'VRF-001': {
    severity: 'error',
    text: 'Continuous verification found {count} differences on {peer} and sends them again: {paths}',
    hint: 'Only Mainstay should write in a Replica root. Without that, check the disk of the Replica.',
  },
  'VRF-002': { severity: 'info', text: 'Continuous verification has proven {peer} identical' },

  'BRK-001': {
    severity: 'critical',
    text: 'Mass-change brake: {what} within a minute; the Replicas apply nothing behind position {seq}',
    hint: 'If it was meant: `mainstay brake NAME release`. If not: stop the scenario; the Replicas still have what they had not applied by then.',
  },
  'BRK-002': {
    severity: 'info',
    text: 'Mass-change brake released by the operator; {removed} deletions and {changed} overwritten files are applied',
  },

  'DSK-001': {
    severity: 'critical',
    text: 'The disk of {path} is full; replication waits for room, nothing is lost',
    hint: 'Free space on that volume: it goes on by itself and finds what was changed meanwhile by comparison.',
  },
  'DSK-002': { severity: 'info', text: 'There is room again on the disk of {path}; replication goes on' },

  'RWD-001': { severity: 'info', text: 'Rewind process started: {point}' },
  'RWD-002': { severity: 'info', text: 'Rewind process is completed successfully' },
  'RWD-003': { severity: 'info', text: 'Bookmark set: {text}' },
  'RWD-004': {
    severity: 'error',
    text: 'Rewind process failed: {reason}',
    hint: 'What was set back so far stays; repeat it to go on, or `mainstay undo NAME` for the data as it was.',
  },
  'RWD-005': {
    severity: 'warning',
    text: '{count} places were changed by others than Mainstay; the rewind left them as they are',
    hint: 'The answer of the command lists them.',
  },
  'RWD-006': {
    severity: 'warning',
    text: 'Data can be set back {kept}, asked for are {asked}',
    hint: '`mainstay journal NAME` shows why. For want of room: raise recovery.maxDiskBytes, free disk space, or ask for less.',
  },
  'RWD-007': {
    severity: 'error',
    text: 'Data can be set back only {kept}, asked for are {asked}',
    hint: '`mainstay journal NAME` shows why. For want of room: raise recovery.maxDiskBytes, free disk space, or ask for less.',
  },
  'RWD-008': { severity: 'info', text: 'Data can be set back {kept} again, as far as was asked for' },
  'RWD-009': {
    severity: 'error',
    text: 'There is no room for more history ({limit}); apply is held until some of it is old enough to go',
    hint: 'Changes are safe in the spool. Raise the limits, or set recovery.whenFull to gap.',
  },
  'RWD-010': { severity: 'info', text: 'There is room for history again; apply goes on' },
  'RWD-011': {
    severity: 'error',
    text: 'The self-check of the history found {count} of {objects} kept objects missing or damaged; the first is of "{path}": {reason}',
    hint: 'A preview of an older point lists what cannot be given back; everything else can. Look at the disk of the Replica.',
  },
  'RWD-012': {
    severity: 'warning',
    text: 'The bookmark "{text}" could not be kept: {reason}',
    hint: 'The file events around it are still listed; set another one.',
  },
  'RWD-013': {
    severity: 'error',
    text: '{count} places could not be given back: what was kept of them is missing or damaged; they stay as they were',
    hint: 'The answer of the command lists them. Look at the disk of that host.',
  },
  'RWD-014': {
    severity: 'warning',
    text: 'The clock of this host is {ahead} ahead of the time that has passed for sure: no history is removed for its age by that',
    hint: 'Check the clock. After the host was off for long nothing is wrong; the older history goes bit by bit, and for want of room as always.',
  },

  'RST-001': { severity: 'info', text: 'Restore of data started ({method})' },
  'RST-002': { severity: 'info', text: 'The data of {replica} was restored; the Recovery scenario was removed' },
  'RST-003': {
    severity: 'error',
    text: 'The Recovery scenario stopped: {reason}',
    hint: 'Resolve the cause and run the Recovery scenario to go on, or remove it; `mainstay undo NAME` gives back what it replaced.',
  },
  'RST-004': { severity: 'info', text: 'The last restore was undone on {hosts}' },
  'RST-005': {
    severity: 'info',
    text: 'What the last restore replaced on the Master was removed; it cannot be undone any more',
  },
  'RST-006': {
    severity: 'warning',
    text: '{count} items of the Master are parked on {replica}: its copy does not have them, and the restore takes them from the Master',
    hint: 'See `mainstay parked`. `mainstay undo` gives them back.',
  },

  'ROOT-001': {
    severity: 'critical',
    text: 'Root {path} is missing or not mounted; replication is held and nothing is deleted',
    hint: 'Mount or restore it.',
  },
  'ROOT-002': { severity: 'info', text: 'Root {path} is back' },
  'MNT-001': {
    severity: 'warning',
    text: 'The volume mounted at {path} is gone; what was replicated from it is kept as it is',
    hint: 'Mount it again. When it is gone for good, run the scenario again: then its content is removed from the Replicas.',
  },
  'MNT-002': { severity: 'info', text: 'The volume is mounted at {path} again; comparing it' },
  'MNT-003': { severity: 'info', text: 'A volume is mounted at {path}; its content is replicated too' },

  'ACC-001': { severity: 'info', text: 'Paired with {device} as {role} (confirmation {confirmation})' },
  'ACC-002': { severity: 'warning', text: 'Refused an unknown device from {address}' },
  'ACC-003': { severity: 'warning', text: 'Device {device} revoked' },
  'ACC-004': { severity: 'warning', text: 'Refused {what} from {address}: {reason}' },
  'ACC-005': {
    severity: 'critical',
    text: 'The audit log was changed outside Mainstay: line {line} does not follow from the one before',
    hint: 'Compare it with a backup; it goes on after the last line.',
  },

  'RHS-001': {
    severity: 'info',
    text: 'Replica integrity test started: apply stands, the copy can be used and written',
  },
  'RHS-002': {
    severity: 'info',
    text: 'Replica integrity test ended: what it wrote is undone ({entries} entries), apply goes on',
  },
  'RHS-003': {
    severity: 'error',
    text: 'Replica integrity test failed: {reason}',
    hint: 'This Replica might not be able to take over. See the Assured Recovery Report.',
  },
  'RHS-004': { severity: 'warning', text: 'Replica integrity test ended early: {reason}' },
  'RHS-005': {
    severity: 'warning',
    text: 'Replica integrity test of {peer} was not started or not finished: {reason}',
    hint: 'It is tried again at its next time.',
  },
  'RHS-006': {
    severity: 'warning',
    text: 'Programs still had {paths} open when the test ended; they see what the test wrote until they close it',
    hint: 'Stop the programs that use the Replica; they would work with outdated files.',
  },
  'RED-001': { severity: 'info', text: 'The script {script} ended with exit code {exitCode} ({direction})' },
  'RED-002': {
    severity: 'error',
    text: 'The script {script} failed: {reason} ({direction})',
    hint: 'Exit code 0 means success. What it wrote is in the details of this event; see redirect.scriptTimeoutMs for its time limit.',
  },
  'RED-003': { severity: 'info', text: '{method} ({direction}): {detail}' },
  'RED-004': {
    severity: 'error',
    text: '{address} could not be brought back after the start of this host: {reason}',
    hint: 'It belongs to this host since its scenario was stopped. `mainstay doctor` has the command that adds it by hand.',
  },
  'RED-005': {
    severity: 'critical',
    text: 'Clients could reach this host although it is not active: its gate was open and is closed again',
    hint: 'Something else than Mainstay flushed the rules of the packet filter or added the moved address: find out what, it will do so again.',
  },
  'RED-006': {
    severity: 'critical',
    text: 'It cannot be made sure that clients do not reach this host, which is not active: {reason}',
    hint: 'It is tried again every second. Stop the application here, or take the host from the network, until it works.',
  },
  'RED-007': { severity: 'info', text: 'Clients find this host: {detail}' },
  'RED-008': {
    severity: 'warning',
    text: 'Clients may not find this host yet: {text}',
    hint: 'What to do is in the details of this event. It is looked at again for a while.',
  },
  'HLT-001': {
    severity: 'critical',
    text: 'The Master server {master} is considered to be down: {reason}',
    hint: 'When switchover is initiated manually, perform it now: `mainstay switchover`. First make sure that the host is really off, not only out of reach.',
  },
  'HLT-002': {
    severity: 'critical',
    text: 'The application on the Master server {master} is considered to be down, its engine answers: {reason}',
    hint: 'Mend the application, or perform a switchover: with the help of the engine nothing is lost.',
  },
  'HLT-003': {
    severity: 'error',
    text: 'This host is cut off: it reaches neither {master} nor any reference address, so it cannot tell whether the Master is alive: {reason}',
    hint: 'Check the network of this host. Nothing is switched over for that reason.',
  },
  'HLT-004': {
    severity: 'warning',
    text: 'It cannot be told whether the Master server {master} is down, the checks contradict each other: {reason}',
    hint: 'A check that can never pass, such as a ping that a firewall drops, is turned off in the Is Alive properties.',
  },
  'HLT-005': { severity: 'info', text: 'The Master server {master} is alive again' },
  'HLT-006': {
    severity: 'warning',
    text: 'Shadow mode: {standby} would have switched over, because {master} is considered to be down: {reason}',
    hint: 'Nothing was switched over. `mainstay shadow NAME off` ends the shadow mode.',
  },
  'HLT-008': { severity: 'info', text: 'Shadow mode is on: {standby} only says when it would switch over by itself' },
  'HLT-009': { severity: 'info', text: 'Shadow mode is off' },
  'ASM-001': { severity: 'info', text: 'Assessment began: changes on the Master are counted, nothing is replicated' },
  'RPT-001': { severity: 'info', text: '{kind} is ready ({id})' },
  'RPT-002': {
    severity: 'warning',
    text: 'Reports cannot be stored in {path} ({reason}); they are stored in {instead}',
    hint: 'Correct the property report.directory or the permissions, then restart the engine.',
  },
});

export type EventCode = keyof typeof EVENTS;

/** One entry of the event log; `n` is its number on the host that recorded it. */
export interface EventRecord {
  readonly n: number;
  readonly at: number;
  readonly severity: Severity;
  readonly code: string;
  readonly scenario?: string;
  readonly host: string;
  readonly text: string;
  readonly hint?: string;
  readonly data: Readonly<Record<string, string | number | boolean>>;
}
