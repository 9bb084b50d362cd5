/**
 * Switch Computer Name: the active host has the name that clients use, the other one is called something else meanwhile. Both the
 * name that the system runs under and the one it boots with are changed, and both are read back. A name with a domain keeps it.
 * Restarting the host (`redirect.reboot`) is not done here: it would end the switchover that asked for it (switchover/restart.ts).
 */
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import { type ComputerDirectory, giveNameBack, takeName } from './directory-name.ts';
import {
  type Applied,
  type RedirectDirection,
  type Redirection,
  type RedirectState,
  redirectFinding,
} from './model.ts';
import { COMPUTER_NAME_LENGTH, firstLabel, type PlannedComputerName } from './plan.ts';

export interface ComputerNames {
  /** That programs are told now. */
  readonly running: string;
  /** That the system takes at its next boot. */
  readonly configured: string;
}

/** Port: what this computer is called. */
export interface ComputerName {
  /** Why it cannot be changed; undefined when it can. */
  unavailable(): Promise<string | undefined>;
  read(): Promise<ComputerNames>;
  /** The configured one first, durable. What came of it: `read`. */
  set(names: ComputerNames): Promise<void>;
}

/** RFC 1123 2.1: letters, digits and hyphens, none of these at an end; not digits alone, which Windows refuses and addresses begin with. */
const LABEL = /^(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

export class ComputerNameRedirection implements Redirection {
  readonly kind = 'computer-name';
  private readonly host: string;
  private readonly plan: PlannedComputerName;
  private readonly computer: ComputerName;
  private readonly directory: ComputerDirectory | undefined;
  private before: ComputerNames | undefined;
  /** What was last done in the directory. */
  private directed: RedirectDirection | undefined;

  /** `host`: name of this host in the scenario, for findings. */
  constructor(host: string, plan: PlannedComputerName, computer: ComputerName, directory?: ComputerDirectory) {
    this.directory = directory;
    this.host = host;
    this.plan = plan;
    this.computer = computer;
  }

  async check(): Promise<Finding[]> {
    const { activeName, standbyName } = this.plan;
    const unavailable = await this.computer.unavailable();
    if (unavailable !== undefined)
      return [
        redirectFinding(
          this.host,
          'error',
          'NAME-SYSTEM',
          `This computer cannot be renamed: ${unavailable}`,
          'Allow it, or use another method of redirection.',
        ),
      ];
    const found = [activeName, standbyName].flatMap((name) => this.checkName(name));
    if (sameLabel(activeName, standbyName))
      found.push(
        redirectFinding(
          this.host,
          'error',
          'NAME-SAME',
          `Active or not, this computer would be called ${activeName}`,
          'Give the hosts of the scenario different names.',
        ),
      );
    return [...found, ...(await this.checkDirectory())];
  }

  private async checkDirectory(): Promise<Finding[]> {
    if (!this.isDirected) return [];
    const why = await this.directory?.unavailable();
    if (why === undefined) return [];
    const { activeName } = this.plan;
    const text = `${activeName} cannot be moved in Active Directory, so clients of the domain may get no tickets for it here: ${why}`;
    const fix = `Install ldap-utils and libsasl2-modules-gssapi-mit; the account of this host needs the right to rename the computer ${activeName} and to change its own service principals; put the certificate of the authority into keys/ldap-ca.pem of the data directory when the system does not know it.`;
    return [redirectFinding(this.host, 'warning', 'NAME-DIRECTORY', text, fix)];
  }

  /** This host moves the name in the directory too. */
  private get isDirected(): boolean {
    return this.plan.freedAs !== undefined && this.directory?.isMember() === true;
  }

  /** Why the directory does not say so; it is no reason against the takeover, whose clients may be none of the domain. */
  private async direct(direction: RedirectDirection): Promise<string[]> {
    const { activeName, freedAs } = this.plan;
    this.directed = undefined;
    if (this.directory === undefined || freedAs === undefined || !this.isDirected) return [];
    try {
      await (direction === 'acquire' ? takeName : giveNameBack)(this.directory, activeName, freedAs);
      this.directed = direction;
      return [];
    } catch (error) {
      return [`${activeName} was not moved in Active Directory: ${reasonOf(error)}`];
    }
  }

  private checkName(name: string): Finding[] {
    if (!LABEL.test(name))
      return [
        redirectFinding(
          this.host,
          'error',
          'NAME-INVALID',
          `"${name}" is no computer name`,
          'Letters, digits and hyphens; enter the host of the scenario by its name, not by its address.',
        ),
      ];
    if (name.length <= COMPUTER_NAME_LENGTH) return [];
    return [
      redirectFinding(
        this.host,
        'warning',
        'NAME-LONG',
        `${name} is longer than the ${COMPUTER_NAME_LENGTH} characters of a NetBIOS name`,
        'Clients that use NetBIOS names see its beginning only.',
      ),
    ];
  }

  async apply(direction: RedirectDirection): Promise<Applied> {
    const named = await this.applyName(direction);
    return { ...named, remarks: [...named.remarks, ...(await this.direct(direction))] };
  }

  private async applyName(direction: RedirectDirection): Promise<Applied> {
    this.before = undefined;
    const now = await this.computer.read();
    const wanted = this.wanted(direction, now);
    if (sameNames(now, wanted)) return { changed: false, state: this.stateOf(now), remarks: [] };
    this.before = now;
    try {
      await this.change(wanted);
    } catch (error) {
      const undone = await this.revertName().then(
        () => `it is called ${now.running} again`,
        (failure) => `and it could not be taken back: ${Fault.from(failure).message}`,
      );
      throw failed(`${reasonOf(error)}; ${undone}`);
    }
    const remarks = sameLabel(now.running, wanted.running)
      ? []
      : [`programs that run know this computer as ${now.running} until they are started again`];
    return { changed: true, state: await this.readBack(), remarks };
  }

  /** A host that gives the name up and has another one already keeps that. */
  private wanted(direction: RedirectDirection, now: ComputerNames): ComputerNames {
    const { activeName, standbyName } = this.plan;
    const next = (name: string): string => {
      if (direction === 'acquire') return sameLabel(name, activeName) ? name : withLabel(name, activeName);
      return sameLabel(name, activeName) ? withLabel(name, standbyName) : name;
    };
    return { running: next(now.running), configured: next(now.configured) };
  }

  private async change(wanted: ComputerNames): Promise<void> {
    await this.computer.set(wanted);
    const after = await this.computer.read();
    if (!sameNames(after, wanted))
      throw failed(`it is called ${after.running}, and ${after.configured} after a boot, instead of ${wanted.running}`);
  }

  async readBack(): Promise<RedirectState> {
    return this.stateOf(await this.computer.read());
  }

  private stateOf({ running, configured }: ComputerNames): RedirectState {
    const { activeName } = this.plan;
    const isActive = [running, configured].map((name) => sameLabel(name, activeName));
    const clients = isActive.every(Boolean) ? 'here' : isActive.some(Boolean) ? 'mixed' : 'elsewhere';
    return { clients, detail: [`this computer is called ${running}, and ${configured} after a boot`] };
  }

  async revert(): Promise<Applied> {
    const { directed } = this;
    const named = await this.revertName();
    const remarks = directed === undefined ? [] : await this.direct(directed === 'acquire' ? 'release' : 'acquire');
    this.directed = undefined;
    return { ...named, remarks: [...named.remarks, ...remarks] };
  }

  private async revertName(): Promise<Applied> {
    const { before } = this;
    this.before = undefined;
    if (before !== undefined) await this.change(before);
    return { changed: before !== undefined, state: await this.readBack(), remarks: [] };
  }

  describe(direction: RedirectDirection): string[] {
    const { activeName, standbyName, reboot } = this.plan;
    const lines =
      direction === 'acquire'
        ? [`Computer name: this computer becomes ${activeName}, now and after a boot`]
        : [`Computer name: this computer becomes ${standbyName} if it is called ${activeName}, now and after a boot`];
    if (this.isDirected)
      lines.push(
        direction === 'acquire'
          ? `Computer name: in Active Directory ${activeName} becomes ${this.plan.freedAs}, and this computer gets its service principals`
          : `Computer name: in Active Directory ${this.plan.freedAs} becomes ${activeName} again, with its service principals`,
      );
    const restarts = reboot && direction === 'release';
    return restarts ? [...lines, 'Computer name: this computer is restarted when the switchover is over'] : lines;
  }
}

/** `b.corp.test` of `a.corp.test`. */
function withLabel(name: string, label: string): string {
  return `${label}${name.slice(firstLabel(name).length)}`;
}

/** Names of computers do not tell upper and lower case apart (RFC 4343). */
function sameLabel(a: string, b: string): boolean {
  return firstLabel(a).toLowerCase() === firstLabel(b).toLowerCase();
}

function sameNames(a: ComputerNames, b: ComputerNames): boolean {
  return a.running === b.running && a.configured === b.configured;
}

function failed(reason: string): Fault {
  return new Fault('REDIRECT-FAILED', { method: 'Switch Computer Name', reason });
}

/** Without the words that every fault of this method begins with. */
function reasonOf(error: unknown): string {
  const fault = Fault.from(error);
  const { reason } = fault.details;
  return fault.code === 'REDIRECT-FAILED' && typeof reason === 'string' ? reason : fault.message;
}
