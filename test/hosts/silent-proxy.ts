/** A TCP proxy between two hosts that can fall silent without closing anything, as a firewall that forgot a connection does. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { parseAddress } from '../../shared/protocol/pairing.ts';

/** Which bytes do not get through: those of the host that dials, those of the host that is dialed, neither's. */
export type Silence = 'from-dialer' | 'to-dialer' | 'both' | 'none';

interface Connection {
  readonly dialer: Socket;
  readonly dialed: Socket;
}

export class SilentProxy {
  /** Where it listens, `host:port`. */
  readonly address: string;
  private readonly server: Server;
  private readonly connections = new Set<Connection>();
  private silence: Silence = 'none';

  private constructor(server: Server, target: string) {
    const listening = server.address();
    if (listening === null || typeof listening === 'string') throw new Error('the proxy has no port');
    this.address = `127.0.0.1:${listening.port}`;
    this.server = server;
    const { host, port } = parseAddress(target);
    server.on('connection', (dialer) => this.join(dialer, connect({ host, port, allowHalfOpen: true })));
  }

  static async open(target: string): Promise<SilentProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SilentProxy(server, target);
  }

  /** From now on, for open connections and new ones. What was held back goes on when its direction is open again. */
  setSilence(silence: Silence): void {
    this.silence = silence;
    for (const connection of this.connections) this.apply(connection);
  }

  /** As if it were restarted: what is open breaks, what is dialed from now on gets through. */
  replace(): void {
    this.silence = 'none';
    for (const { dialer } of this.connections) dialer.destroy();
  }

  close(): void {
    this.server.close();
    this.replace();
  }

  private join(dialer: Socket, dialed: Socket): void {
    const connection = { dialer, dialed };
    this.connections.add(connection);
    const forward = (from: Socket, to: Socket): void => {
      from.on('data', (bytes) => to.write(bytes));
      from.on('end', () => to.end());
      from.on('error', () => undefined);
      from.once('close', () => {
        to.destroy();
        this.connections.delete(connection);
      });
    };
    forward(dialer, dialed);
    forward(dialed, dialer);
    this.apply(connection);
  }

  /** A socket that is not read tells nothing of its end either. */
  private apply({ dialer, dialed }: Connection): void {
    const { silence } = this;
    if (silence === 'both' || silence === 'from-dialer') dialer.pause();
    else dialer.resume();
    if (silence === 'both' || silence === 'to-dialer') dialed.pause();
    else dialed.resume();
  }
}
