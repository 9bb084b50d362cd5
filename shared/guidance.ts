/**
 * What to do by hand in the state the hosts are really in (FEATURES.md F8; Appendix A of the guide, as it is with gates and epochs). From
 * what each host says of itself. Pure.
 */
import type { ScenarioStatus } from './status.ts';

export interface Guidance {
  /** The state in one line. */
  readonly state: string;
  /** In this order. */
  readonly steps: readonly string[];
}

/** One report of each host that is heard, of one scenario. Most important first; nothing when no hand is needed. */
export function guidanceOf(reports: readonly ScenarioStatus[]): readonly Guidance[] {
  const roles = reports.filter((report) => report.roles !== undefined);
  return [
    ...roles.flatMap(lostRecord),
    ...roles.flatMap(unconfirmed),
    ...roles.flatMap(handedOver),
    ...neitherActive(roles),
    ...roles.flatMap((report) => activeDown(report, reports)),
    ...roles.flatMap(fenced),
    ...roles.flatMap(stuck),
    ...roles.flatMap(returned),
  ];
}

/** The command that makes this host active: it was the Master when the scenario was created, or the Replica. */
function recoverCommand({ name, reportedBy, hosts, backward }: ScenarioStatus, more = ''): string {
  const isMasterNow = hosts[0]?.name === reportedBy;
  return `\`mainstay recover-active ${name} --make ${isMasterNow !== (backward === true) ? 'master' : 'replica'}${more}\``;
}

function lostRecord(report: ScenarioStatus): Guidance[] {
  const { name, reportedBy, roles } = report;
  if (roles === undefined || roles.epoch.number !== 0) return [];
  return [
    {
      state: `${reportedBy} lost its role record: it knows nothing of who is active, and takes no users`,
      steps: [
        `See which host users are to be on: its data must be the newest (\`mainstay status ${name}\`, \`mainstay events ${name}\`).`,
        `When the other host is active, leave ${reportedBy} alone: it follows as soon as it hears it.`,
        `When ${reportedBy} has the right data: Recover Active Server on it (${recoverCommand(report)}).`,
        'Check the disk of its data directory: records do not vanish by themselves.',
      ],
    },
  ];
}

function unconfirmed(report: ScenarioStatus): Guidance[] {
  const { reportedBy, roles } = report;
  if (roles?.role !== 'active' || roles.waits === undefined) return [];
  return [
    {
      state: `${reportedBy} was active before it was started again, and cannot hear whether another host took over meanwhile`,
      steps: [
        'Start the other host, or mend the network between them: then it goes on by itself.',
        'When the other host is off for good, make sure of it: power, cable, virtual machine.',
        `Then Recover Active Server on ${reportedBy}: ${recoverCommand(report, ' --peer-is-fenced')} (console: :recover active server).`,
        'Never force it while the other host may be taking users: changes of one of them would go to quarantine.',
      ],
    },
  ];
}

function handedOver(report: ScenarioStatus): Guidance[] {
  const { reportedBy, roles } = report;
  const own = roles?.switchover;
  if (roles?.waits === undefined || own?.side !== 'from' || own.step !== 'commit') return [];
  return [
    {
      state: `${reportedBy} has handed over, and the other host has not taken over yet: nobody takes users`,
      steps: [
        'Start the other host, or mend the network between them: it takes over by itself.',
        `When the other host answers and shall not take over: ${recoverCommand(report)} on ${reportedBy} takes it back.`,
        `When the other host is off for good: the same with \`--peer-is-fenced\`. Nothing is lost by it: ${reportedBy} has all changes.`,
      ],
    },
  ];
}

function neitherActive(reports: readonly ScenarioStatus[]): Guidance[] {
  const first = reports.find(
    ({ roles }) => roles?.role === 'standby' && roles.switchover === undefined && roles.peer?.role === 'standby',
  );
  if (first === undefined) return [];
  return [
    {
      state: 'neither host is active: nobody takes users',
      steps: [
        'With an arbiter wait for the time of its lease: one of them may become active by itself.',
        'Compare both: positions and epochs in the status; `mainstay diff` tells which files differ.',
        `Make the one with the newer data active: \`mainstay recover-active ${first.name} --make …\` on it (console: :recover active server).`,
      ],
    },
  ];
}

/** Is Alive says that the active host is down, and nobody has taken over. */
function activeDown(report: ScenarioStatus, all: readonly ScenarioStatus[]): Guidance[] {
  const { name, reportedBy, roles, hosts } = report;
  if (roles?.role !== 'standby' || roles.switchover !== undefined || roles.automatic?.possible === true) return [];
  if (all.some(({ roles: other }) => other?.role === 'active' && other.waits === undefined)) return [];
  const active = hosts.find(({ isAlive }) => isAlive?.state === 'down' && isAlive.cause === 'peer');
  if (active === undefined) return [];
  return [
    {
      state: `${active.name}, which is active, is down, and ${reportedBy} does not take over by itself`,
      steps: [
        `Make sure that ${active.name} is really off: power, cable, virtual machine. Two active hosts lose data.`,
        `Then switch over: \`mainstay switchover ${name} --peer-is-fenced\` (console: s). What it had not sent is at risk; the dry run says how much.`,
        `When ${active.name} is only cut off, mend the network instead: nothing is lost, and it goes on by itself.`,
      ],
    },
  ];
}

function fenced({ name, reportedBy, roles, problem }: ScenarioStatus): Guidance[] {
  if (roles?.role !== 'fenced') return [];
  const why = problem === undefined ? '' : `: ${problem}`;
  return [
    {
      state: `${reportedBy} is fenced: another host is active, what only ${reportedBy} has is kept first${why}`,
      steps: [
        'It goes on by itself while both hosts hear each other: compare, quarantine, standby.',
        `When it does not: free space on the volume of its data directory, and see \`mainstay events ${name}\`.`,
        'If Move IP or Switch Computer Name was used and the host still has the name or the address of production: start it without a network connection, ' +
          'remove the additional address or rename it to <name>-XO, then connect it again (Manually Recover a Failed Server).',
      ],
    },
  ];
}

function stuck({ reportedBy, roles }: ScenarioStatus): Guidance[] {
  const own = roles?.switchover;
  if (own?.problem === undefined) return [];
  const steps =
    own.step === 'release' || own.step === 'acquire'
      ? [
          'It is tried again until it works; mend what the problem names (DNS server, address in use, directory).',
          'Move IP: no other host may have the address. Remove it from the failed server by hand: start it without a network connection, remove the additional address, restart, connect.',
          'Switch Computer Name: rename the failed server to <name>-XO and restart it before it is connected again.',
          'Redirect DNS: the record can be changed by hand on the DNS server; the step sees that it is as it should be.',
        ]
      : [
          'It is tried again until it works; mend what the problem names.',
          'Before the fourth step it is given up by itself after 90 s, and nothing has changed.',
        ];
  return [{ state: `${reportedBy}: the switchover does not get on: ${own.problem}`, steps }];
}

/** After a forced switchover: the old Master has something in quarantine, and waits for the operator. */
function returned({ name, reportedBy, roles, active }: ScenarioStatus): Guidance[] {
  if (roles?.returned !== true) return [];
  return [
    {
      state: `${reportedBy} is back as the standby; its data waits to be replaced by the one of ${active}`,
      steps: [
        `See what only it has: \`mainstay quarantine ${name}\` (console: :quarantine).`,
        `Then run the scenario on ${active} (r): it synchronizes; what differs on ${reportedBy} is replaced.`,
        'When users shall be back where they were: switch back (s) once it is protected.',
      ],
    },
  ];
}
