import test from 'ava';
import fc from 'fast-check';
import { discoverText } from '../../daemon/application/discover.ts';
import { discoverNginx } from '../../daemon/application/nginx.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const discover = (text: string) => discoverText('nginx', text, 'nginx.conf');

const CONFIGURATION = `
user www-data; # comment with { and ;
http {
  root /srv/default;
  include /etc/nginx/mime.types;
  include sites-enabled/*;
  server {
    listen 80;
    listen [::]:80 default_server;
    server_name www.example.org "example.org" ~^api\\d+\\.example\\.org$;
    root "/srv/www with blank";
    location /files/ { alias /srv/files/; autoindex on; }
    location ~ \\.php$ { root /srv/php; fastcgi_pass unix:/run/php.sock; }
    if ($host = x) { return 301 https://$host$request_uri; }
    content_by_lua_block { local t = { a = "}" == 1 } }
  }
  server {
    listen 10.0.0.7:8443 ssl http2;
    server_name _;
    ssl_certificate /etc/ssl/site.pem;
    location / { proxy_pass http://127.0.0.1:3000; }
  }
}
`;

test('server blocks become sites with bindings, names and directories', (t) => {
  const found = discover(CONFIGURATION.replace(/^.*sites-enabled.*$/m, ''));
  t.is(found.sites.length, 2);
  const [first, second] = found.sites;
  t.is(first!.name, 'www.example.org');
  t.is(first!.bindings.length, 6);
  t.like(first!.bindings[0], { protocol: 'http', address: '*', port: 80, host: 'www.example.org' });
  t.like(first!.bindings[3], { address: '::', port: 80 });
  t.deepEqual(first!.applications[0]!.virtualDirectories, [
    { path: '/', physicalPath: '/srv/www with blank' },
    { path: '/files/', physicalPath: '/srv/files/' },
    { path: '\\.php$', physicalPath: '/srv/php' },
  ]);
  t.deepEqual(second!.bindings, [
    { protocol: 'https', address: '10.0.0.7', port: 8443, host: '', certificate: '/etc/ssl/site.pem' },
  ]);
  t.deepEqual(second!.applications[0]!.virtualDirectories, [{ path: '/', physicalPath: '/srv/default' }]);
  t.deepEqual(found.roots, ['/srv/www with blank', '/srv/files', '/srv/php', '/srv/default']);
});

test('includes are read where they can be and told where they cannot', (t) => {
  t.true(discover(CONFIGURATION).findings.some((finding) => finding.code === 'INCLUDE-UNREAD'));
  const files = [
    { file: 'a', text: 'server { listen 81; root /srv/a; }' },
    { file: 'loop', text: 'include loop;' },
  ];
  const include = (pattern: string) => (pattern === 'loop' ? [files[1]!] : files);
  const found = discoverNginx({ file: 'nginx.conf', text: CONFIGURATION, include });
  t.is(found.sites.length, 3);
  t.is(
    found.sites.find((site) => site.name === '*:81')?.applications[0]?.virtualDirectories[0]?.physicalPath,
    '/srv/a',
  );
});

test('a file with servers only, broken syntax and paths from variables are told', (t) => {
  t.is(discover('server { listen 80; root /srv/x; }').sites.length, 1);
  const codes = (text: string) => discover(text).findings.map((finding) => finding.code);
  t.true(codes('http { server { root /srv/$host; }').includes('SYNTAX'));
  t.true(codes('http { server { root /srv/$host; } }').includes('PATH-VARIABLE'));
  t.true(codes('http { server { root html; } }').includes('PATH-RELATIVE'));
  t.deepEqual(codes('events {}'), ['NO-SITES-SECTION']);
  t.true(codes('{'.repeat(10_000)).includes('SYNTAX'));
});

test('no text makes it fail', (t) => {
  const piece = fc.constantFrom(
    'http',
    'server',
    'listen',
    'root',
    '{',
    '}',
    ';',
    '"',
    "'",
    '\\',
    '#',
    '\n',
    ' ',
    '$',
    '${',
    '/srv',
    'include',
    'x_by_lua_block',
    'location',
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => Array.isArray(discover(pieces.join('')).sites)),
      { numRuns: 2_000 },
    ),
  );
});
