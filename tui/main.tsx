/** Entry of the full-screen console. The screen is painted before anything is connected. */
import { render } from 'ink';
import { Fault } from '../shared/faults.ts';
import { App } from './app.tsx';
import { asciiSurface, blockSurface } from './charts/bars.ts';
import { loadBrailleSurface } from './charts/braille.ts';
import type { ChartKind, ChartSurface } from './charts/surface.ts';
import type { ConsoleHost, HostConnection } from './connection.ts';
import { extractHere } from './extract-here.ts';
import {
  after,
  divertConsole,
  every,
  monotonicClock,
  openTerminal,
  saveHere,
  systemFacts,
  terminalFacts,
  wallClock,
} from './host.ts';
import { localAccess, profileAccess, profilePath, profileTitle, readProfile } from './profile.ts';
import { type ConsoleSettings, initialState } from './state.ts';
import { ConsoleStore } from './store.ts';

export interface ConsoleOptions {
  readonly profile: string;
  readonly hosts: readonly ConsoleHost[];
  /** Called after the first paint: loading the client is part of it. */
  readonly connect: () => Promise<readonly HostConnection[]>;
  readonly ascii?: boolean;
  readonly readonly?: boolean;
  readonly charts?: ChartKind;
  /** File for what libraries print. */
  readonly logFile?: string;
}

const TICK_MS = 1000;
/** Some 60 ms of loading that the first paint does not wait for. */
const BRAILLE_DELAY_MS = 50;

/** As the command line gives them. */
export interface ProfileConsoleOptions {
  /** Path of the profile; default: the user's. */
  readonly profile?: string;
  /** Data directory of a daemon on this host, instead of a profile. */
  readonly data?: string;
  readonly ascii?: boolean;
  readonly readonly?: boolean;
  readonly charts?: ChartKind;
}

/** The console over the hosts of a profile. Only their names are read before the first paint. */
export async function runProfileConsole(options: ProfileConsoleOptions): Promise<number> {
  const { env } = systemFacts();
  const path = profilePath(options.profile, env);
  const local = options.data === undefined ? undefined : localAccess(options.data);
  const hosts = local?.hosts ?? readProfile(path).hosts;
  const connect = async (): Promise<readonly HostConnection[]> => {
    const [{ DaemonClient }, access] = await Promise.all([
      import('./client.ts'),
      local ?? profileAccess(path, wallClock()),
    ]);
    return hosts.map((host) => new DaemonClient({ host, identity: access.identity, now: monotonicClock }));
  };
  const { ascii, readonly, charts } = options;
  return runConsole({
    profile: local?.title ?? profileTitle(path),
    hosts,
    connect,
    logFile: `${path}.console.log`,
    ...(ascii === undefined ? {} : { ascii }),
    ...(readonly === undefined ? {} : { readonly }),
    ...(charts === undefined ? {} : { charts }),
  });
}

/** Why the console cannot be shown here, with what to do instead; undefined when it can. */
export function whyNoConsole(): string | undefined {
  const { env, platform, streams } = systemFacts();
  const { refusal } = terminalFacts(streams, env, platform);
  if (refusal === undefined) return undefined;
  return `${refusal}; use the command line instead: mainstay status, mainstay events --follow, mainstay help`;
}

function settingsOf(options: ConsoleOptions): ConsoleSettings {
  const { env, platform, streams } = systemFacts();
  const facts = terminalFacts(streams, env, platform);
  const ascii = options.ascii ?? facts.ascii;
  return {
    profile: options.profile,
    readonly: options.readonly ?? false,
    ascii,
    colour: facts.colour,
    charts: ascii ? 'ascii' : (options.charts ?? 'braille'),
    spareRows: facts.spareRows,
  };
}

/** Shows the console until it is left; resolves with the exit code. Throws when there is no terminal for it. */
export async function runConsole(options: ConsoleOptions): Promise<number> {
  const refusal = whyNoConsole();
  if (refusal !== undefined) throw new Fault('USAGE', { reason: refusal });
  const { streams } = systemFacts();
  const settings = settingsOf(options);
  const { promise, resolve } = Promise.withResolvers<{ code: number; error?: unknown }>();
  const giveBackConsole = divertConsole(options.logFile);
  const store = new ConsoleStore(
    initialState({
      settings,
      hosts: options.hosts,
      columns: streams.stdout.columns,
      rows: streams.stdout.rows,
      now: wallClock(),
    }),
    {
      now: wallClock,
      after,
      copy: (text) => terminal.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`),
      save: saveHere,
      extract: extractHere,
      redraw: () => {
        terminal.write('\x1b[2J\x1b[H');
        instance.clear();
        instance.rerender(screen);
      },
      quit: () => resolve({ code: 0 }),
    },
  );
  const terminal = openTerminal(streams, {
    onInput: (input) => {
      const at = wallClock();
      store.send(input.type === 'key' ? { ...input, at } : { ...input, at });
    },
    onResize: (columns, rows) => store.send({ type: 'resize', columns, rows }),
    onEnd: (code, error) => resolve({ code, error }),
  });
  let surface: ChartSurface = settings.ascii ? asciiSurface : blockSurface;
  const theme = { colour: settings.colour, ascii: settings.ascii };
  const screen = <App shown={store} theme={theme} surface={() => surface} />;
  const instance = render(screen, {
    ...streams,
    alternateScreen: true,
    incrementalRendering: true,
    interactive: true,
    maxFps: 60,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const cancelTick = every(TICK_MS, () => store.send({ type: 'tick', at: wallClock() }));
  if (settings.charts === 'braille') {
    after(BRAILLE_DELAY_MS, () => {
      surface = loadBrailleSurface();
    });
  }
  after(0, () => {
    options.connect().then(
      (connections) => {
        for (const connection of connections) store.attach(connection);
      },
      (error: unknown) => resolve({ code: 1, error }),
    );
  });
  const exited = instance.waitUntilExit().catch((error: unknown) => resolve({ code: 1, error }));
  const { code, error } = await promise;
  cancelTick();
  store.close();
  instance.unmount();
  await exited;
  terminal.restore();
  giveBackConsole();
  if (error !== undefined) throw error;
  return code;
}
