/** This host's key and certificate, and the device id of any key. The rules are in shared/protocol/pairing.ts. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import { makeIdentity } from '../../shared/protocol/identity.ts';
import { makePrivateDirectory, readTextIfPresent, replaceFileSync } from '../store/durable-file.ts';

export interface Identity {
  /** SHA-256 of the public key, hex. */
  readonly deviceId: string;
  /** PEM, both. */
  readonly key: string;
  readonly certificate: string;
}

export function deviceIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Reads `directory`/key.pem and cert.pem, or makes them; a damaged one is `STATE-DAMAGED`: a new identity would lose every pairing. */
export async function loadIdentity(directory: string, commonName: string, nowMs: number): Promise<Identity> {
  const keyPath = join(directory, 'key.pem');
  const certificatePath = join(directory, 'cert.pem');
  const stored = readTextIfPresent(keyPath);
  if (stored !== undefined) return checked(keyPath, stored, certificatePath, readTextIfPresent(certificatePath));
  makePrivateDirectory(directory);
  const pems = await makeIdentity(commonName, nowMs);
  // The key last: an identity exists when its key does, and then its certificate is there too.
  replaceFileSync(certificatePath, pems.certificate);
  replaceFileSync(keyPath, pems.key);
  return checked(keyPath, pems.key, certificatePath, pems.certificate);
}

function checked(keyPath: string, key: string, certificatePath: string, certificate: string | undefined): Identity {
  const privateKey = parsed(keyPath, () => createPrivateKey(key));
  const x509 = parsed(certificatePath, () => new X509Certificate(certificate ?? ''));
  if (!x509.checkPrivateKey(privateKey)) {
    throw new Fault('STATE-DAMAGED', { path: certificatePath, reason: 'it belongs to another key' });
  }
  return { deviceId: deviceIdOf(createPublicKey(privateKey)), key, certificate: certificate ?? '' };
}

function parsed<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Fault('STATE-DAMAGED', { path, reason: 'it is not readable as PEM' }, error);
  }
}
