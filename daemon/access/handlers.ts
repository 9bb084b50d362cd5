/** Handlers of `pair.*`. */
import type { InviteResult, PairedDevice, PairResult } from '../../shared/protocol/pairing.ts';
import type { CommandHandlers } from '../services.ts';
import type { AccessService } from './service.ts';

export interface AccessHandlerOptions {
  readonly access: AccessService;
  /** Where others reach this host, for the invitation. */
  readonly address: () => string;
  /** Joins the host that made the invitation and trusts it. */
  readonly join: (invite: string) => Promise<PairResult>;
}

export function accessHandlers({ access, address, join }: AccessHandlerOptions): CommandHandlers {
  return {
    'pair.invite': ({ role }, session): InviteResult => access.invite(session, address(), role),
    'pair.accept': ({ invite }): Promise<PairResult> => join(invite),
    'pair.list': (): { devices: readonly PairedDevice[] } => ({ devices: access.devices }),
    'pair.revoke': async ({ deviceId }, session): Promise<{ device: PairedDevice }> => ({
      device: await access.revoke(session, deviceId),
    }),
  };
}
