/** A system tool, run without a shell. What it did is read back by the caller: an exit code alone proves nothing. */
import { execFile } from 'node:child_process';

export interface ToolOutcome {
  /** Undefined: it is not installed, or was ended by its time limit. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Folders of the administrator's tools. They come first: PATH may lack them, or name another program of the same name before them
 * (npm puts the programs of packages there, one of which is called nft and ends with 0 whatever it is asked).
 */
const SYSTEM_PATH = '/usr/sbin:/sbin:/usr/bin:/bin';

export function runTool(
  tool: string,
  args: readonly string[],
  timeoutMs: number,
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<ToolOutcome> {
  const env = options.env ?? process.env;
  const path = env.PATH === undefined ? SYSTEM_PATH : `${SYSTEM_PATH}:${env.PATH}`;
  return new Promise((resolve) => {
    const child = execFile(
      tool,
      args,
      { timeout: timeoutMs, killSignal: 'SIGKILL', env: { ...env, PATH: path, LC_ALL: 'C' } },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        resolve({ exitCode: code, stdout, stderr });
      },
    );
    // It may end before it has read all.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}
