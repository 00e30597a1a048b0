import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const DEPLOY = path.resolve(import.meta.dirname, '../../deploy');
const ADDRESS = '127.0.0.1';

export interface ReverseProxy {
  readonly origin: string;
  /** What it signs its certificate with. */
  readonly ca: string;
  stop(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly redirectPort: number;
  /** Of what it stands in front of. */
  readonly upstream: number;
}

/** What is started, with what deploy/ has as it is but for names, ports and the certificate. */
const PROXIES = {
  nginx({ folder, port, redirectPort, upstream }: Place) {
    const site = adapted('nginx.conf', [
      ['127.0.0.1:4000', `${ADDRESS}:${upstream}`],
      ['listen 80;', `listen ${ADDRESS}:${redirectPort};`],
      ['listen 443 ssl http2;', `listen ${ADDRESS}:${port} ssl http2;`],
      ['/etc/ssl/mixgate/fullchain.pem', `${folder}/certificate.pem`],
      ['/etc/ssl/mixgate/privkey.pem', `${folder}/key.pem`],
    ]);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const configuration = `daemon off; pid ${folder}/pid; error_log stderr; events {}
      http { access_log off; ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')} ${site} }`;
    const file = path.join(folder, 'nginx.conf');
    writeFileSync(file, configuration);
    return ['nginx', '-e', 'stderr', '-c', file];
  },
  caddy({ folder, port, upstream }: Place) {
    const site = adapted('Caddyfile', [
      ['127.0.0.1:4000', `${ADDRESS}:${upstream}`],
      [
        'mixgate.example {',
        `https://${ADDRESS}:${port} {\n\ttls ${folder}/certificate.pem ${folder}/key.pem`,
      ],
    ]);
    const file = path.join(folder, 'Caddyfile');
    writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
    return ['caddy', 'run', '--adapter', 'caddyfile', '--config', file];
  },
};
export type ProxyName = keyof typeof PROXIES;

/** A file of deploy/ with each text replaced. @throws where it has none such: then the test is out of date */
function adapted(name: string, replacements: readonly (readonly [string, string])[]): string {
  return replacements.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`deploy/${name} has no ${from}`);
      return text.replaceAll(from, to);
    },
    readFileSync(path.join(DEPLOY, name), 'utf8'),
  );
}

export async function startProxy(name: ProxyName, upstream: number): Promise<ReverseProxy> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-proxy-'));
  // Started by root, nginx works as another user.
  chmodSync(folder, 0o755);
  await makeCertificate(folder);
  const [port, redirectPort] = await freePorts(2);
  const place = { folder, port: port!, redirectPort: redirectPort!, upstream };
  const [command = '', ...args] = PROXIES[name](place);
  const child = spawn(command, args, {
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const failed = exited.then(() => {
    throw new Error(`${name} ended: ${log}`);
  });
  failed.catch(() => undefined);
  await Promise.race([untilListening(place.port), failed]);
  const ca = readFileSync(path.join(folder, 'certificate.pem'), 'utf8');
  return { origin: `https://${ADDRESS}:${place.port}`, ca, stop };
}

const makeCertificate = (folder: string) =>
  exec('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=mixgate.example', '-addext', `subjectAltName=IP:${ADDRESS}`],
    ...['-keyout', path.join(folder, 'key.pem'), '-out', path.join(folder, 'certificate.pem')],
  ]);

/** Neither proxy tells which port it took. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, ADDRESS));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, ADDRESS);
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await delay(50);
  }
}
