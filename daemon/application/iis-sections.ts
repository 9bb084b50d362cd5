/** What the rest of an IIS configuration says that matters for protecting its sites: redirects, secrets, farms. Pure. */
import type { Findings } from './findings.ts';
import { attributeOf, childOf, childrenOf, descendantsOf, type Element } from './xml.ts';

/** Attributes that hold secrets in some section of the schema. */
const SECRET = /password$/i;

export function checkSections(configuration: Element, findings: Findings, where: (element: Element) => string): void {
  checkLocations(configuration, findings, where);
  for (const element of descendantsOf(configuration)) {
    checkSecrets(element, findings, where);
    checkEncrypted(element, findings, where);
  }
  for (const [place, section] of webServerSections(configuration)) {
    checkRedirect(place, section, findings, where);
    checkAnonymousUser(place, section, findings, where);
  }
  const farms = childrenOf(childOf(configuration, 'webFarms'), 'webFarm').length;
  if (farms > 0) {
    const text = `${farms === 1 ? 'A server farm is' : `${farms} server farms are`} configured (Application Request Routing).`;
    findings.add(
      'info',
      'WEB-FARM',
      'webFarms',
      text,
      'Define the same farms on the Replica: they are configuration, not files.',
    );
  }
}

/** `system.webServer` of the server and of every `<location>`, which may stand twice for one path. */
function webServerSections(configuration: Element): [string, Element][] {
  const sections: [string, Element][] = childrenOf(configuration, 'system.webServer').map((one) => ['all sites', one]);
  for (const location of childrenOf(configuration, 'location')) {
    const path = attributeOf(location, 'path') ?? '';
    for (const section of childrenOf(location, 'system.webServer')) {
      sections.push([path === '' || path === '.' ? 'all sites' : path, section]);
    }
  }
  return sections;
}

function checkLocations(configuration: Element, findings: Findings, where: (element: Element) => string): void {
  const first = new Map<string, Element>();
  for (const location of childrenOf(configuration, 'location')) {
    const path = attributeOf(location, 'path') ?? '';
    const before = first.get(path.toLowerCase());
    if (before === undefined) {
      first.set(path.toLowerCase(), location);
      continue;
    }
    const text = `<location path="${path}"> stands more than once (also at ${where(before)}); the entries add up.`;
    findings.add(
      'info',
      'LOCATION-TWICE',
      where(location),
      text,
      'Nothing to do; joining them makes the file easier to read.',
    );
  }
}

function checkRedirect(place: string, section: Element, findings: Findings, where: (element: Element) => string): void {
  const redirect = childOf(section, 'httpRedirect');
  if (attributeOf(redirect, 'enabled')?.toLowerCase() !== 'true' || redirect === undefined) return;
  const destination = attributeOf(redirect, 'destination') ?? '';
  const text = `URL redirection is on for ${place}${destination === '' ? '' : ` (to ${destination})`}.`;
  findings.add(
    'error',
    'URL-REDIRECTION',
    where(redirect),
    text,
    'Sites on the Master server should not use URL redirection: turn it off or leave the site out.',
  );
}

function checkAnonymousUser(
  place: string,
  section: Element,
  findings: Findings,
  where: (element: Element) => string,
): void {
  const authentication = childOf(childOf(section, 'security'), 'authentication');
  const anonymous = childOf(authentication, 'anonymousAuthentication');
  const userName = attributeOf(anonymous, 'userName');
  if (anonymous === undefined || userName === undefined || userName === '' || userName.toUpperCase() === 'IUSR') return;
  const text = `Anonymous access to ${place} uses the account ${userName}.`;
  findings.add(
    'info',
    'ANONYMOUS-USER',
    where(anonymous),
    text,
    'Both IIS processes should use the same user account for anonymous user access.',
  );
}

function checkSecrets(element: Element, findings: Findings, where: (element: Element) => string): void {
  for (const [name, value] of Object.entries(element.attributes)) {
    if (!SECRET.test(name) || value === '') continue;
    const at = `${where(element)} (${element.name}@${name})`;
    if (value.startsWith('[enc:')) {
      const text = 'An encrypted password is stored here; it can be read only on this server.';
      findings.add(
        'info',
        'PASSWORD-ENCRYPTED',
        at,
        text,
        'Copying the configuration asks for it or carries it over on its own.',
      );
    } else {
      findings.add(
        'warning',
        'PASSWORD-PLAIN',
        at,
        'A password is stored here unencrypted.',
        'Set it again with IIS Manager, which encrypts it.',
      );
    }
  }
}

function checkEncrypted(element: Element, findings: Findings, where: (element: Element) => string): void {
  if (element.name !== 'EncryptedData') return;
  findings.add(
    'warning',
    'SECTION-ENCRYPTED',
    where(element),
    'A whole section is encrypted and cannot be read.',
    'Discover on the server itself, or decrypt the section first.',
  );
}
