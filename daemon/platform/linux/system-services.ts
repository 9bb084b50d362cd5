/** Services of systemd: stopped and kept from starting while this host is standby, started when it becomes active. */
import { Fault } from '../../../shared/faults.ts';
import { runTool } from './tool.ts';

/** systemd's own limit for a unit is 90 s. */
const CHANGE_MS = 100_000;
const LOOK_MS = 10_000;
/** Unit names (systemd.unit(5)); `-` first would be an option. */
const UNIT = /^[A-Za-z0-9@_:][A-Za-z0-9@._:\\-]{0,254}$/;

export class SystemdServices {
  async state(name: string): Promise<'running' | 'stopped' | 'unknown'> {
    if (!UNIT.test(name)) return 'unknown';
    const { stdout } = await runTool('systemctl', ['show', '--property=LoadState,ActiveState', name], LOOK_MS);
    if (!stdout.includes('LoadState=loaded')) return 'unknown';
    return /ActiveState=(active|activating|reloading)/.test(stdout) ? 'running' : 'stopped';
  }

  async start(name: string): Promise<void> {
    await this.change(name, ['enable', '--now']);
    if ((await this.state(name)) !== 'running') throw failed(name, 'it does not run after it was started');
  }

  async stop(name: string): Promise<void> {
    await this.change(name, ['disable', '--now']);
    if ((await this.state(name)) === 'running') throw failed(name, 'it still runs after it was stopped');
  }

  private async change(name: string, words: readonly string[]): Promise<void> {
    if (!UNIT.test(name)) throw failed(name, 'this is no name of a unit');
    const { exitCode, stderr } = await runTool('systemctl', [...words, name], CHANGE_MS);
    if (exitCode === undefined) throw failed(name, 'systemctl is missing, or did not end in time');
    if (exitCode !== 0) throw failed(name, stderr.trim() || `systemctl ended with ${exitCode}`);
  }
}

function failed(name: string, reason: string): Fault {
  return new Fault('SERVICE-FAILED', { name, reason });
}
