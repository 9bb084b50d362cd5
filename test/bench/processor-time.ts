/** Processor time of the threads of a process, from /proc: on a shared machine it says more than the wall clock. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc (sysconf _SC_CLK_TCK is 100 on every Linux). */
const TICKS = 100;

type ProcessorTime = ReadonlyMap<string, number>;

/** Seconds used so far by each thread; helper threads of the runtime are summed by name. Empty when the process is gone. */
export function processorTime(pid: number): ProcessorTime {
  const times = new Map<string, number>();
  for (const task of listTasks(pid)) {
    const stat = read(`/proc/${pid}/task/${task}/stat`);
    const end = stat.lastIndexOf(')');
    if (end < 0) continue;
    const name = stat.slice(stat.indexOf('(') + 1, end);
    const fields = stat.slice(end + 2).split(' ');
    const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS;
    times.set(name, (times.get(name) ?? 0) + seconds);
  }
  return times;
}

function listTasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export interface UsedTime {
  readonly total: number;
  readonly threads: Readonly<Record<string, number>>;
}

export function usedBetween(before: ProcessorTime, after: ProcessorTime): UsedTime {
  const used: Record<string, number> = {};
  let total = 0;
  for (const [name, seconds] of after) {
    const difference = seconds - (before.get(name) ?? 0);
    total += difference;
    if (difference >= 0.01) used[name] = Number(difference.toFixed(2));
  }
  return { total: Number(total.toFixed(2)), threads: used };
}
