/**
 * The command catalogue: everything a console, the command line or a peer can ask a daemon to do, declared once.
 * Arguments are checked against `args` before a handler sees them; the session's role is checked against `role`.
 * Help, palette, command-line reference and the role matrix are generated from it.
 */
import { z } from 'zod';
import { GROUP_COMMANDS } from './group-commands.ts';
import { HEALTH_COMMANDS } from './health-commands.ts';
import { PREVIEW_COMMANDS } from './preview-commands.ts';
import { RECOVERY_COMMANDS } from './recovery-commands.ts';
import { REPORT_FORMATS } from './report.ts';
import { SWITCHOVER_COMMANDS } from './switchover-commands.ts';

/** Roles of people, each including the ones before it; `peer` and `witness` are machines and include nothing. */
export const USER_ROLES = ['view', 'control', 'admin', 'super'] as const;
export type UserRole = (typeof USER_ROLES)[number];
export type SessionRole = UserRole | 'peer' | 'witness';

/** How much it asks before doing it: nothing, yes/no, or the scenario's name typed. */
export type Danger = 'safe' | 'confirm' | 'typed';

export interface CommandDefinition<Args extends z.ZodType = z.ZodType> {
  readonly role: SessionRole;
  readonly danger: Danger;
  readonly title: string;
  readonly help: string;
  readonly args: Args;
  /** Changes nothing although its role is above `view`: it leaves no audit lines. Commands of the role `view` never change anything. */
  readonly readOnly?: true;
  /** The `mainstay` command that does the same, if any. */
  readonly cli?: string;
}

const name = z.string().min(1).max(100);
const host = z.string().min(1).max(255);
const none = z.object({}).strict();
const scenario = z.object({ name }).strict();
const timeoutMs = z.number().int().positive().max(86_400_000).optional();
const scenarioInput = z.record(z.string(), z.unknown());
const settingValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);

function define<const T extends Record<string, CommandDefinition>>(catalogue: T): T {
  return catalogue;
}

export const COMMANDS = define({
  'daemon.info': {
    role: 'view',
    danger: 'safe',
    title: 'Host',
    help: 'Name, version, platform and identity of this host.',
    args: none,
    cli: 'hosts',
  },
  'daemon.doctor': {
    role: 'view',
    danger: 'safe',
    title: 'Doctor',
    help: 'Checks this host and says what to fix.',
    args: none,
    cli: 'doctor',
  },

  'daemon.leave': {
    role: 'admin',
    danger: 'confirm',
    title: 'Prepare the removal of the engine',
    help: 'Addresses that the engine took over are permanent again, and what it guards is open; until it is started again.',
    args: none,
  },

  'pair.invite': {
    role: 'admin',
    danger: 'safe',
    title: 'Invite',
    help: 'Makes a one-time invitation for a console or a host; valid 10 minutes and 5 tries.',
    args: z.object({ role: z.enum(['view', 'control', 'admin', 'super', 'peer', 'witness']).optional() }).strict(),
    cli: 'pair invite',
  },
  'pair.accept': {
    role: 'admin',
    danger: 'safe',
    title: 'Pair hosts',
    help: 'This host joins the host that made the invitation; each pins the other.',
    args: z.object({ invite: z.string().max(2000) }).strict(),
    cli: 'pair accept',
  },
  'pair.list': {
    role: 'view',
    danger: 'safe',
    title: 'Paired devices',
    help: 'Devices this host trusts, with their roles.',
    args: none,
    cli: 'pair list',
  },
  'pair.revoke': {
    role: 'admin',
    danger: 'confirm',
    title: 'Revoke a device',
    help: 'Its live connections drop at once.',
    args: z.object({ deviceId: z.string().min(8).max(200) }).strict(),
    cli: 'pair revoke',
  },

  'scenario.create': {
    role: 'admin',
    danger: 'safe',
    title: 'Create scenario',
    help: 'Creates a scenario from a document; it is not run.',
    args: z.object({ document: scenarioInput }).strict(),
    cli: 'scenario create',
  },
  'scenario.list': {
    role: 'view',
    danger: 'safe',
    title: 'Scenarios',
    help: 'Lists the scenarios of this host.',
    args: none,
    cli: 'scenario list',
  },
  'scenario.show': {
    role: 'view',
    danger: 'safe',
    title: 'Show scenario',
    help: 'The document of a scenario.',
    args: scenario,
    cli: 'scenario show',
  },
  'scenario.set': {
    role: 'admin',
    danger: 'safe',
    title: 'Set properties',
    help: 'Changes properties; says which need a stop.',
    args: z
      .object({ name, values: z.record(z.string(), settingValue), revision: z.number().int().optional() })
      .strict(),
    cli: 'scenario set',
  },
  'scenario.plan': {
    role: 'view',
    danger: 'safe',
    title: 'Plan a document',
    help: 'What applying a document would change.',
    args: z.object({ document: scenarioInput }).strict(),
    cli: 'scenario plan',
  },
  'scenario.apply': {
    role: 'admin',
    danger: 'confirm',
    title: 'Apply a document',
    help: 'Creates or changes a scenario to equal a document.',
    args: z.object({ document: scenarioInput }).strict(),
    cli: 'scenario apply',
  },
  'scenario.delete': {
    role: 'admin',
    danger: 'typed',
    title: 'Delete scenario',
    help: 'Forgets a stopped scenario; the data on both hosts stays.',
    args: scenario,
    cli: 'scenario delete',
  },

  'scenario.verify': {
    role: 'control',
    readOnly: true,
    danger: 'safe',
    title: 'Verify',
    help: 'Checks Master and Replicas; errors block Run, warnings need an acknowledgement.',
    args: scenario,
    cli: 'verify',
  },
  'scenario.run': {
    role: 'control',
    danger: 'confirm',
    title: 'Run',
    help: 'Verifies, synchronizes, then replicates in real time. A scenario that runs and waits for its synchronization begins it: of what its spool dropped only, where the roots are what they were.',
    args: z
      .object({
        name,
        sync: z.enum(['file', 'block', 'skip']).default('file'),
        ignoreSame: z.boolean().default(true),
        acknowledgeWarnings: z.boolean().default(false),
      })
      .strict(),
    cli: 'run',
  },
  'scenario.stop': {
    role: 'control',
    danger: 'confirm',
    title: 'Stop',
    help: 'Stops replication; the state becomes `Stopped by user`.',
    args: scenario,
    cli: 'stop',
  },
  'scenario.suspend': {
    role: 'control',
    danger: 'confirm',
    title: 'Suspend',
    help: 'A Replica takes changes into its spool and applies none until it is resumed; no synchronization is needed afterwards.',
    args: z.object({ name, replica: host.optional() }).strict(),
    cli: 'suspend',
  },
  'scenario.resume': {
    role: 'control',
    danger: 'safe',
    title: 'Resume',
    help: 'Goes on with a suspended Replica where it was.',
    args: z.object({ name, replica: host.optional() }).strict(),
    cli: 'resume',
  },
  'scenario.barrier': {
    role: 'view',
    danger: 'safe',
    title: 'Barrier',
    help: 'Waits until every change made before now is applied on every Replica, or on the one that is named.',
    args: z.object({ name, replica: host.optional(), timeoutMs }).strict(),
    cli: 'barrier',
  },
  'scenario.assess': {
    role: 'control',
    danger: 'safe',
    title: 'Assess',
    help: 'Measures how much changes on the Master of a stopped scenario, without a Replica, and suggests bandwidth and spool.',
    args: z.object({ name, action: z.enum(['start', 'show', 'stop']).default('start') }).strict(),
    cli: 'assess',
  },
  'scenario.sendNow': {
    role: 'control',
    danger: 'safe',
    title: 'Send now',
    help: 'Scheduled and periodic replication: sends what was collected, now, and waits until it is applied on every Replica, or on the one that is named.',
    args: z.object({ name, replica: host.optional(), timeoutMs }).strict(),
    cli: 'send-now',
  },
  'scenario.audit': {
    role: 'control',
    danger: 'safe',
    title: 'Audit walk',
    help: 'Compares everything below the Master roots with what was recorded, now instead of at its period, and sends what no notification told of.',
    args: z.object({ name, timeoutMs }).strict(),
    cli: 'audit-walk',
  },
  'scenario.diff': {
    role: 'view',
    danger: 'safe',
    title: 'Difference report',
    help: 'Compares without transferring.',
    args: z.object({ name, replica: host.optional(), ignoreSame: z.boolean().default(true) }).strict(),
    cli: 'diff',
  },

  'scenario.giveUpSpool': {
    role: 'admin',
    danger: 'typed',
    title: 'Give up the spool',
    help: 'On a Replica whose spool is gone for good: begins a new one without its Master. What it held is found by a comparison at the next Run.',
    args: scenario,
    cli: 'give-up-spool',
  },
  'scenario.brakeRelease': {
    role: 'control',
    danger: 'confirm',
    title: 'Release the mass-change brake',
    help: 'The deletions or the overwritten files that put it on are applied on the Replicas. It is not put on again for the rest of the same wave.',
    args: scenario,
    cli: 'brake',
  },
  'host.prepareReboot': {
    role: 'control',
    danger: 'confirm',
    title: 'Prepare for a restart',
    help: 'Drains the running scenarios of a host and holds its Replicas until it is back; no synchronization is needed then.',
    args: z.object({ host, timeoutMs }).strict(),
    cli: 'prepare-reboot',
  },
  'scenario.parked': {
    role: 'view',
    danger: 'safe',
    title: 'Parked items',
    help: 'Changes that could not be applied and were set aside, with the reason and the next try.',
    args: z.object({ name, replica: host.optional() }).strict(),
    cli: 'parked',
  },
  'scenario.parkedRetry': {
    role: 'control',
    danger: 'safe',
    title: 'Retry parked items',
    help: 'Asks the Master for every parked item again at once.',
    args: z.object({ name, replica: host.optional() }).strict(),
    cli: 'parked',
  },
  'scenario.parkedDrop': {
    role: 'control',
    danger: 'confirm',
    title: 'Drop parked items',
    help: 'Forgets the parked items: they stay different until a comparison or a later change mends them.',
    args: z.object({ name, replica: host.optional() }).strict(),
    cli: 'parked',
  },
  ...RECOVERY_COMMANDS,
  ...SWITCHOVER_COMMANDS,
  ...HEALTH_COMMANDS,
  ...GROUP_COMMANDS,
  ...PREVIEW_COMMANDS,

  'events.query': {
    role: 'view',
    danger: 'safe',
    title: 'Events',
    help: 'Events of this host, newest last.',
    args: z
      .object({
        scenario: name.optional(),
        since: z.number().optional(),
        after: z.number().int().optional(),
        severity: z.enum(['info', 'warning', 'error', 'critical']).optional(),
        limit: z.number().int().min(1).max(10_000).default(200),
      })
      .strict(),
    cli: 'events',
  },
  'reports.list': {
    role: 'view',
    danger: 'safe',
    title: 'Report Center',
    help: 'Available reports per scenario.',
    args: z.object({ scenario: name.optional() }).strict(),
    cli: 'reports list',
  },
  'reports.show': {
    role: 'view',
    danger: 'safe',
    title: 'Show report',
    help: 'One report as text, HTML, comma-separated values or data.',
    args: z
      .object({
        id: z.string().max(200),
        format: z.enum(REPORT_FORMATS).default('text'),
        detail: z.enum(['summary', 'detailed']).default('summary'),
      })
      .strict(),
    cli: 'reports show',
  },

  'reports.create': {
    role: 'control',
    danger: 'safe',
    title: 'Replication Report',
    help: 'Makes the Replication Report of everything since the last one, now instead of at its time.',
    args: scenario,
    cli: 'reports create',
  },

  'application.discover': {
    role: 'control',
    readOnly: true,
    danger: 'safe',
    title: 'Discover',
    help: 'Finds sites and paths of an application on this host.',
    args: z
      .object({
        application: z.enum(['iis', 'nginx', 'apache']).default('iis'),
        config: z.string().max(4096).optional(),
        text: z.string().max(8_000_000).optional(),
      })
      .strict(),
    cli: 'discover',
  },

  // Between hosts. A peer may ask only for what concerns a scenario it shares with this host.
  'peer.facts': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Host facts',
    help: 'Version, clock, and per path: existence, permissions, free space, for verification.',
    args: z
      .object({
        scenarioId: z.string().max(64),
        paths: z.array(z.string().max(4096)).max(255),
        sizes: z.boolean().optional(),
        /** `spool.directory` of that host. */
        spool: z.string().max(4096),
        /** The scenario itself, or the one it goes on from. */
        origin: z.object({ scenarioId: z.string().max(64), revision: z.number().int() }).optional(),
      })
      .strict(),
  },
  'peer.prepare': {
    role: 'peer',
    danger: 'safe',
    title: 'Prepare Replica',
    help: 'Takes the scenario document and starts the Replica engine for the link that follows.',
    args: z
      .object({
        document: scenarioInput,
        epoch: z.number().int(),
        /** The operator runs it: a root that was replaced meanwhile is taken for what he wants. */
        adoptRoots: z.boolean().optional(),
        /** After a switchover: what that host had of the history before. */
        fork: z
          .object({ generation: z.string().max(200), seq: z.number().int().nonnegative() })
          .strict()
          .optional(),
      })
      .strict(),
  },
  'peer.stop': {
    role: 'peer',
    danger: 'safe',
    title: 'Stop Replica',
    help: 'Stops the Replica engine of a scenario.',
    args: z.object({ scenarioId: z.string().max(64), reason: z.string().max(200) }).strict(),
  },
  'peer.parked': {
    role: 'peer',
    danger: 'safe',
    title: 'Parked items of a Replica',
    help: 'Lists, retries or drops what a Replica has set aside.',
    args: z.object({ scenarioId: z.string().max(64), action: z.enum(['list', 'retry', 'drop']) }).strict(),
  },
  'peer.forget': {
    role: 'peer',
    danger: 'safe',
    title: 'Forget scenario',
    help: 'The scenario was deleted on the Master.',
    args: z.object({ scenarioId: z.string().max(64) }).strict(),
  },
  'peer.compare': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Compare',
    help: 'Starts or ends the engine of a stopped scenario for a comparison without transferring.',
    args: z.object({ document: scenarioInput, epoch: z.number().int(), on: z.boolean() }).strict(),
  },
  'peer.relayStatus': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Status behind a Replica',
    help: 'How the Replicas are that this Replica feeds.',
    args: z.object({ scenarioId: z.string().max(64) }).strict(),
  },
  'peer.relayBarrier': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Barrier behind a Replica',
    help: 'Waits until what this Replica has now is applied on every Replica it feeds.',
    args: z
      .object({
        scenarioId: z.string().max(64),
        timeoutMs: z.number().int().positive().max(86_400_000),
        /** Everybody who has to be behind it. */
        behind: z.array(host).max(64),
        replica: host.optional(),
      })
      .strict(),
  },
  'peer.relayDiff': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Difference behind a Replica',
    help: 'Compares this Replica with the ones it feeds without transferring.',
    args: z.object({ scenarioId: z.string().max(64), replica: host.optional(), ignoreSame: z.boolean() }).strict(),
  },
  'peer.relaySuspend': {
    role: 'peer',
    danger: 'safe',
    title: 'Suspend behind a Replica',
    help: 'Suspends or resumes a Replica that this Replica feeds.',
    args: z.object({ scenarioId: z.string().max(64), replica: host, suspended: z.boolean() }).strict(),
  },
  'peer.relayParked': {
    role: 'peer',
    danger: 'safe',
    title: 'Parked items behind a Replica',
    help: 'Lists, retries or drops what is parked on the Replicas that this Replica feeds.',
    args: z
      .object({
        scenarioId: z.string().max(64),
        replica: host.optional(),
        action: z.enum(['list', 'retry', 'drop']),
      })
      .strict(),
  },
  'peer.redirection': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Redirection of the other host',
    help: 'What stands in the way of leading clients to this host or away from it, and what would be done.',
    args: z.object({ document: scenarioInput }).strict(),
  },
  'peer.relayVerify': {
    role: 'peer',
    readOnly: true,
    danger: 'safe',
    title: 'Verify behind a Replica',
    help: 'Checks the Replicas that this Replica would feed.',
    args: z.object({ document: scenarioInput }).strict(),
  },
});

export type CommandName = keyof typeof COMMANDS;
export type CommandArgs<Name extends CommandName> = z.output<(typeof COMMANDS)[Name]['args']>;

/** Whether it can change something: then it is audited, and a repeated request is answered from memory. */
export function isChanging(command: CommandName): boolean {
  const definition: CommandDefinition = COMMANDS[command];
  return definition.role !== 'view' && definition.readOnly !== true;
}

/** Whether a session of `role` may use a command. */
export function mayUse(role: SessionRole, command: CommandName): boolean {
  const needed = COMMANDS[command].role as SessionRole;
  if (needed === 'peer' || needed === 'witness' || role === 'peer' || role === 'witness') return role === needed;
  return USER_ROLES.indexOf(role) >= USER_ROLES.indexOf(needed);
}
