/**
 * A device's identity: P-256 key and self-signed certificate, both PEM. @peculiar/x509 costs 11 MB and is loaded only here,
 * only when an identity must be made. Uses the Web Crypto of the platform.
 */
export interface IdentityPems {
  /** PKCS #8. */
  readonly key: string;
  readonly certificate: string;
}

const HUNDRED_YEARS_MS = 100 * 365.25 * 86_400_000;

/** `nowMs`: wall clock. The dates mean nothing to us (keys are pinned); they only keep other tools from complaining. */
export async function makeIdentity(commonName: string, nowMs: number): Promise<IdentityPems> {
  // @peculiar/x509 needs the metadata polyfill before it is evaluated.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName.slice(0, 64)] }],
    notBefore: new Date(nowMs - 86_400_000),
    notAfter: new Date(nowMs + HUNDRED_YEARS_MS),
    signingAlgorithm: algorithm,
    keys,
  });
  const key = new Uint8Array(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { key: x509.PemConverter.encode(key, 'PRIVATE KEY'), certificate: certificate.toString('pem') };
}
