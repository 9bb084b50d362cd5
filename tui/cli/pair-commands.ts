/** `mainstay pair …`: trust between a console or a host and a host. */
import type { Command } from 'commander';
import type { InviteResult, PairedDevice, PairResult } from '../../shared/protocol/pairing.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { choice, DONE, type Register, withAccess, withYes } from './options.ts';
import { table } from './text.ts';

const ROLES = ['view', 'control', 'admin', 'super', 'peer', 'witness'];

export function addPairCommands(program: Command, register: Register): void {
  const pair = program.command('pair').description('trust between a console or a host and a host');
  register(
    withAccess(pair.command('invite').description('make a one-time invitation: 10 minutes, 5 tries')).addOption(
      choice('--role <role>', 'role of who accepts (default: peer for a host, admin for a console)', ROLES),
    ),
    invite,
  );
  register(
    withAccess(
      pair
        .command('accept')
        .argument('<invitation>')
        .description(
          'join the host that made the invitation; with --data the engine of this computer joins, else you do',
        ),
    ),
    accept,
  );
  register(withAccess(pair.command('list').description('devices the host trusts')), list);
  register(
    withYes(
      withAccess(
        pair
          .command('revoke')
          .argument('<device>', 'device id as `pair list` shows it')
          .description('stop trusting a device; its live connections drop at once'),
      ),
    ),
    revoke,
  );
}

async function invite(context: Context, options: CommonOptions & { role?: string }): Promise<number> {
  const client = await context.oneClient(options);
  const result = await ask<InviteResult>(
    client,
    'pair.invite',
    options.role === undefined ? {} : { role: options.role },
  );
  if (options.json === true) context.json(result);
  else {
    context.terminal.out(`${result.invite}\n`);
    context.note(`valid until ${new Date(result.expiresAt).toISOString()}; accept it with \`mainstay pair accept\``);
  }
  return DONE;
}

async function accept(context: Context, options: CommonOptions, invitation: string): Promise<number> {
  const result =
    options.data === undefined
      ? await joinAsConsole(context, options, invitation)
      : await ask<PairResult>(await context.oneClient(options), 'pair.accept', { invite: invitation });
  if (options.json === true) context.json(result);
  else {
    context.terminal.out(`paired with ${result.name} (${result.address}) as ${result.role}\n`);
    context.terminal.out(`confirmation: ${result.confirmation}  (must be the same on the other side)\n`);
  }
  return DONE;
}

async function joinAsConsole(context: Context, options: CommonOptions, invitation: string): Promise<PairResult> {
  const profiles = await import('../profile.ts');
  const { joinHost } = await import('../transport.ts');
  const path = profiles.profilePath(options.profile, context.terminal.environment);
  const profile = profiles.readProfile(path);
  const identity = await profiles.profileIdentity(path, context.terminal.wallNow());
  const result = await joinHost(invitation, identity, profiles.consoleName());
  profiles.rememberHost(profile, { name: result.name, address: result.address, deviceId: result.deviceId });
  return result;
}

async function list(context: Context, options: CommonOptions): Promise<number> {
  const client = await context.oneClient(options);
  const devices = devicesIn(await ask<unknown>(client, 'pair.list', {}));
  if (options.json === true) context.json({ devices });
  else {
    const rows = devices.map((device) => [
      device.name,
      device.kind,
      device.revokedAt === undefined ? device.role : 'revoked',
      device.address ?? '',
      device.deviceId,
    ]);
    context.terminal.out(table(['NAME', 'KIND', 'ROLE', 'ADDRESS', 'DEVICE'], rows));
  }
  return DONE;
}

async function revoke(context: Context, options: CommonOptions, device: string): Promise<number> {
  const client = await context.oneClient(options);
  const devices = devicesIn(await ask<unknown>(client, 'pair.list', {}));
  // The short form people see is enough when it is unambiguous.
  const matching = devices.filter((known) => known.deviceId.startsWith(device.toLowerCase()) || known.name === device);
  const deviceId = matching.length === 1 ? matching[0]!.deviceId : device;
  await context.confirm(
    `Revoke ${matching[0]?.name ?? device}? Its live connections drop at once.`,
    'Revoking a device',
    options,
  );
  await ask(client, 'pair.revoke', { deviceId });
  if (options.json === true) context.json({ deviceId });
  else context.terminal.out(`revoked ${matching[0]?.name ?? device}\n`);
  return DONE;
}

function devicesIn(answer: unknown): readonly PairedDevice[] {
  return (answer as { devices: readonly PairedDevice[] }).devices;
}
