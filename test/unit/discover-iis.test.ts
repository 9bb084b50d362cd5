import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { discoverText } from '../../daemon/application/discover.ts';
import { discoverIis } from '../../daemon/application/iis.ts';
import type { Discovery } from '../../shared/results.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

/** Real configuration files; a checkout without them skips and says so. */
const FIXTURES = fileURLToPath(new URL('../../../../shared/fixtures/iis', import.meta.url));
const names = existsSync(FIXTURES) ? readdirSync(FIXTURES).filter((name) => /\.(config|xml)$/.test(name)) : [];
const fixture = (name: string) => readFileSync(join(FIXTURES, name), 'utf8');
const discover = (text: string) => discoverText('iis', text, 'applicationHost.config');
const codes = (found: Discovery) => found.findings.map((finding) => finding.code);

/** A configuration around the given parts. */
function configuration(sites: string, rest = '', pools = '<add name="DefaultAppPool" />'): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <system.applicationHost>
    <applicationPools>${pools}</applicationPools>
    <sites>${sites}</sites>
  </system.applicationHost>
  ${rest}
</configuration>`;
}

const site = (inside: string, attributes = 'name="Main" id="1"') =>
  `<site ${attributes}>${inside}<bindings><binding protocol="http" bindingInformation="*:80:" /></bindings></site>`;
const application = '<application path="/"><virtualDirectory path="/" physicalPath="C:\\www" /></application>';

/** Counted by expressions over the text, without the parser under test. */
function count(text: string, expression: RegExp): number {
  const sections = text.replace(/<!--[\s\S]*?-->/g, '').match(/<sites>[\s\S]*?<\/sites>/g) ?? [];
  return sections.join('').match(expression)?.length ?? 0;
}

for (const name of names.filter((one) => one.endsWith('.config'))) {
  test(`every site, application, directory, binding and pool of ${name} is found`, (t) => {
    const text = fixture(name);
    const found = discover(text);
    const applications = found.sites.flatMap((one) => one.applications);
    t.is(found.sites.length, count(text, /<site\s/g));
    t.is(applications.length, count(text, /<application\s/g));
    t.is(applications.flatMap((one) => one.virtualDirectories).length, count(text, /<virtualDirectory\s/g));
    t.is(found.sites.flatMap((one) => one.bindings).length, count(text, /<binding\s/g));
    const pools = /<applicationPools>([\s\S]*?)<\/applicationPools>/.exec(text.replace(/<!--[\s\S]*?-->/g, ''))![1]!;
    t.is(found.applicationPools.length, pools.match(/<add\s/g)?.length ?? 0);
    const paths = [...text.replace(/<!--[\s\S]*?-->/g, '').matchAll(/<virtualDirectory[^>]*physicalPath="([^"]*)"/g)];
    t.deepEqual(
      applications.flatMap((one) => one.virtualDirectories.map((directory) => directory.physicalPath)),
      paths.map((match) => match[1]!.replaceAll('&amp;', '&')),
    );
    t.false(JSON.stringify(found).includes('[enc:'), 'no password leaves');
    t.deepEqual(
      found.findings.filter((finding) => finding.severity === 'error'),
      [],
    );
  });
}

test('the fixtures are there', (t) => {
  if (names.length === 0) t.log(`skipped: no IIS configuration files in ${FIXTURES}`);
  t.pass();
});

if (names.length > 0) {
  test('the IIS 6 metabase is recognised, its sites and pools are listed', (t) => {
    const found = discover(fixture('iis6.metabase.xml'));
    t.true(codes(found).includes('IIS6-METABASE'));
    t.deepEqual(
      found.applicationPools.map((pool) => pool.name),
      ['DefaultAppPool', 'oval'],
    );
    t.like(found.sites, [
      {
        name: 'Default Web Site',
        id: 1,
        bindings: [{ protocol: 'http', address: '*', port: 80, host: '' }],
        applications: [
          {
            path: '/',
            pool: 'DefaultAppPool',
            virtualDirectories: [{ path: '/', physicalPath: 'E:\\inetpub\\wwwroot' }],
          },
        ],
      },
    ]);
    t.false(/4963446/.test(JSON.stringify(found)), 'no encrypted secret leaves');
  });

  test('a location that stands twice, encrypted passwords and a wrong pool are told, once each', (t) => {
    t.deepEqual(
      codes(discover(fixture('citrix-same-location-twice.applicationHost.config'))).filter(
        (one) => one === 'LOCATION-TWICE',
      ),
      ['LOCATION-TWICE'],
    );
    const jexus = discover(fixture('jexus-12-sites.applicationHost.config'));
    t.is(codes(jexus).filter((code) => code === 'PASSWORD-ENCRYPTED').length, 2);
    t.is(jexus.sites[0]!.bindings.length, 14);
    t.like(jexus.sites[1]!.bindings[1], {
      protocol: 'https',
      address: '*',
      port: 44_300,
      host: 'localhost',
      sni: true,
    });
    const pool = jexus.sites[0]!.applications[0]!.pool;
    t.is(pool, 'Clr4IntegratedAppPool', 'from applicationDefaults');
  });

  test('no mutation of a real file makes it fail: every answer has the shape and paths only from the text', (t) => {
    const texts = names.map(fixture);
    const mutation = fc.tuple(fc.nat(texts.length - 1), fc.array(edit, { minLength: 1, maxLength: 6 }));
    t.notThrows(() =>
      fc.assert(
        fc.property(mutation, ([index, edits]) => {
          const text = edits.reduce((before, one) => one(before), texts[index]!);
          const found = discover(text);
          return Array.isArray(found.sites) && found.findings.every((one) => one.text !== '' && one.code !== '');
        }),
        { numRuns: 60 },
      ),
    );
  });
}

/** Cuts, doubles, swaps or inserts at a place given as a share of the length. */
const edit: fc.Arbitrary<(text: string) => string> = fc
  .tuple(
    fc.double({ min: 0, max: 0.999, noNaN: true }),
    fc.nat(400),
    fc.constantFrom('cut', 'double', 'insert', 'end'),
    fc.constantFrom(
      '<',
      '>',
      '"',
      '&',
      '</site>',
      '<site>',
      '<sites',
      '\0',
      '\uFFFF',
      ' id=""',
      '<clear/>',
      '%',
      ']]>',
    ),
  )
  .map(([share, length, kind, inserted]) => (text: string) => {
    const at = Math.floor(share * text.length);
    if (kind === 'cut') return text.slice(0, at) + text.slice(at + length);
    if (kind === 'double') return text.slice(0, at + length) + text.slice(at);
    return kind === 'insert' ? text.slice(0, at) + inserted + text.slice(at) : text.slice(0, at);
  });

test('a UNC path hidden in defaults at any level is found and is an error', (t) => {
  const defaults = '<virtualDirectoryDefaults physicalPath="\\\\files\\www" userName="CORP\\web" />';
  const bare = '<virtualDirectory path="/" />';
  const everywhere = [
    configuration(`${site(`<application path="/">${bare}</application>`)}${defaults}`),
    configuration(site(`<application path="/">${bare}</application>${defaults}`)),
    configuration(site(`<application path="/">${bare}${defaults}</application>`)),
  ];
  for (const text of everywhere) {
    const found = discover(text);
    t.is(found.sites[0]!.applications[0]!.virtualDirectories[0]!.physicalPath, '\\\\files\\www');
    t.like(
      found.findings.find((one) => one.code === 'UNC-PATH'),
      { severity: 'error' },
    );
    t.true(codes(found).includes('DIRECTORY-USER'));
    t.deepEqual(found.roots, [], 'no root on another server');
  }
  const own = discover(configuration(`${site(application)}${defaults}`));
  t.false(codes(own).includes('UNC-PATH'), 'its own path wins');
});

test('bindings of every protocol are taken apart', (t) => {
  const bindings = [
    ['http', '*:80:', '', { address: '*', port: 80, host: '' }],
    ['http', '10.0.0.5:8080:www.example.org', '', { address: '10.0.0.5', port: 8080, host: 'www.example.org' }],
    [
      'https',
      '[2001:db8::1]:443:a.example',
      'sslFlags="1" certificateHash="AB12"',
      { address: '2001:db8::1', port: 443, host: 'a.example', sni: true, certificate: 'AB12' },
    ],
    ['https', '*:443:', 'sslFlags="3"', { port: 443, sni: true, centralStore: true }],
    ['net.tcp', '808:*', '', { address: '*', port: 808, host: '' }],
    ['ftp', '*:21:', '', { port: 21 }],
    ['net.pipe', '*', '', { port: 0, host: '*' }],
  ] as const;
  const text = bindings.map(
    ([protocol, information, more]) => `<binding protocol="${protocol}" bindingInformation="${information}" ${more} />`,
  );
  const found = discover(
    configuration(`<site name="Main" id="1">${application}<bindings>${text.join('')}</bindings></site>`),
  );
  for (const [index, [protocol, , , expected]] of bindings.entries()) {
    t.like(found.sites[0]!.bindings[index], { protocol, ...expected });
  }
  t.false(codes(found).includes('BINDING-UNUSUAL'));
});

test('an unreadable binding is listed with a finding', (t) => {
  for (const information of ['', '80', '*:99999:', '*:abc:host', ':::']) {
    const binding = `<bindings><binding protocol="http" bindingInformation="${information}" /></bindings>`;
    const found = discover(configuration(`<site name="Main" id="1">${application}${binding}</site>`));
    t.is(found.sites[0]!.bindings.length, 1, information);
    t.true(codes(found).includes('BINDING-UNUSUAL'), information);
  }
});

test('clear and remove inside collections are obeyed', (t) => {
  const sites = `${site(application, 'name="Gone" id="1"')}<clear />${site(application, 'name="A" id="2"')}${site(application, 'name="B" id="3"')}<remove name="A" />`;
  t.deepEqual(
    discover(configuration(sites)).sites.map((one) => one.name),
    ['B'],
  );
});

test('a BOM, CRLF and a bare site, sites or host section as root are read', (t) => {
  const bare = site(application);
  const crlf = configuration(bare).replaceAll('\n', '\r\n');
  t.is(discover(`\uFEFF${crlf}`).sites.length, 1);
  for (const text of [
    bare,
    `<sites>${bare}</sites>`,
    `<system.applicationHost><sites>${bare}</sites></system.applicationHost>`,
    `<appcmd><SITE>${bare}</SITE></appcmd>`,
  ]) {
    const found = discover(text);
    t.is(found.sites[0]?.name, 'Main', text.slice(0, 30));
    t.true(codes(found).includes('ROOT-UNUSUAL'));
  }
});

test('the line of a finding is the line in the file, with either line end', (t) => {
  const lines = [
    '<configuration>',
    '<system.applicationHost>',
    '<sites>',
    '',
    '<site id="1">',
    application,
    '</site>',
    '</sites>',
    '</system.applicationHost>',
    '</configuration>',
  ];
  for (const end of ['\n', '\r\n']) {
    const found = discover(lines.join(end));
    t.is(found.findings.find((one) => one.code === 'SITE-NAMELESS')?.where, 'applicationHost.config:5');
  }
});

test('a section in another file is read where it can be and told where it cannot', (t) => {
  const text =
    '<configuration><system.applicationHost><sites configSource="sites.config" /></system.applicationHost></configuration>';
  t.true(codes(discover(text)).includes('CONFIG-SOURCE'));
  const beside = (name: string) => (name === 'sites.config' ? `<sites>${site(application)}</sites>` : undefined);
  const found = discoverIis({ file: 'applicationHost.config', text, beside });
  t.is(found.sites.length, 1);
});

test('files that are something else are told apart', (t) => {
  const cases: [string, string][] = [
    ['', 'XML-INVALID'],
    ['not xml at all', 'XML-INVALID'],
    ['<configuration><system.webServer /></configuration>', 'NO-SITES-SECTION'],
    [
      '<configuration><configurationRedirection enabled="true" path="\\\\share\\iis" /></configuration>',
      'SHARED-CONFIGURATION',
    ],
    ['<html><body/></html>', 'NO-SITES-SECTION'],
    [`${'<a>'.repeat(100_000)}`, 'XML-INVALID'],
    ['<!DOCTYPE a [<!ENTITY b "c">]><configuration>&b;</configuration>', 'XML-INVALID'],
  ];
  for (const [text, code] of cases) t.true(codes(discover(text)).includes(code), `${code}: ${text.slice(0, 40)}`);
});

test('redirects, plain passwords, missing pools and parts are findings', (t) => {
  const redirect =
    '<location path="Main"><system.webServer><httpRedirect enabled="true" destination="https://x/" /></system.webServer></location>';
  const found = discover(
    configuration(
      `${site('<application path="/app" applicationPool="Nowhere"><virtualDirectory path="/" physicalPath="" password="geheim" /></application>')}`,
      redirect,
    ),
  );
  for (const code of ['URL-REDIRECTION', 'POOL-MISSING', 'ROOT-APPLICATION', 'PATH-UNUSUAL', 'PASSWORD-PLAIN']) {
    t.true(codes(found).includes(code), code);
  }
  t.false(JSON.stringify(found).includes('geheim'));
});

test('environment variables are resolved only where they belong, and the text is kept', (t) => {
  const text = configuration(
    site(
      '<application path="/"><virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\%odd%" /></application>',
    ),
  );
  t.is(discover(text).sites[0]!.applications[0]!.virtualDirectories[0]!.physicalPath, '%SystemDrive%\\inetpub\\%odd%');
  const here = discoverIis({ file: 'a', text, variables: { SYSTEMDRIVE: 'D:' } });
  t.like(here.sites[0]!.applications[0]!.virtualDirectories[0], {
    physicalPath: 'D:\\inetpub\\%odd%',
    rawPath: '%SystemDrive%\\inetpub\\%odd%',
  });
  t.true(codes(here).includes('VARIABLE-UNKNOWN'));
});

test('all paths are proposed as roots, the ones inside another left out, whatever their case and separators', (t) => {
  const directories = [
    'C:\\www\\a',
    'c:/WWW/',
    'C:\\wwwroot',
    'D:\\x',
    'D:\\x\\y',
    '%SystemDrive%\\in',
    '%systemdrive%\\in\\sub',
  ];
  const applications = directories.map(
    (path, index) =>
      `<application path="/${index || ''}"><virtualDirectory path="/" physicalPath="${path}" /></application>`,
  );
  t.deepEqual(discover(configuration(site(applications.join('')))).roots, [
    'c:/WWW',
    'C:\\wwwroot',
    'D:\\x',
    '%SystemDrive%\\in',
  ]);
});
