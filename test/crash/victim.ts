/** A process that runs the pair over real files and is killed in one of its system calls: `victim.js POINT-AS-JSON DIRECTORY`. */
import { goOnIn, type RealCrashPoint } from './real-crash.ts';

const [point = '', directory = ''] = process.argv.slice(2);
const problems = goOnIn(JSON.parse(point) as RealCrashPoint, directory);
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exit(problems.length === 0 ? 0 : 1);
