/**
 * Switch Computer Name as a process of its own, for a namespace in which the name of the computer may be changed. argv: JSON of the
 * planned method. Prints a JSON array: what each step gave, and what the tools of the system say afterwards.
 */
import { execFileSync } from 'node:child_process';
import { LinuxComputerName } from '../../daemon/platform/linux/computer-name.ts';
import { ComputerNameRedirection } from '../../daemon/redirect/computer-name.ts';
import type { PlannedComputerName } from '../../daemon/redirect/plan.ts';

const name = new ComputerNameRedirection(
  'here',
  JSON.parse(process.argv[2]!) as PlannedComputerName,
  new LinuxComputerName(),
);
const seen = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8' }).trim();
const outside = (): string[] => [seen('uname', '-n'), seen('cat', '/etc/hostname')];

const steps: unknown[] = [await name.check(), (await name.readBack()).clients];
for (const step of [() => name.apply('release'), () => name.apply('acquire'), () => name.revert()])
  steps.push((await step()).state.clients, outside());
process.stdout.write(`${JSON.stringify(steps)}\n`);
