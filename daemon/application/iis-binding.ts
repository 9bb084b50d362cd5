/** Bindings of IIS sites: `bindingInformation` of each protocol [D]. Pure. */
export interface IisBinding {
  readonly protocol: string;
  /** `*` for all addresses; IPv6 without brackets. Empty for protocols without addresses. */
  readonly address: string;
  /** 0 for protocols without ports. */
  readonly port: number;
  readonly host: string;
  readonly certificate?: string;
  readonly certificateStore?: string;
  /** The certificate is chosen by the host name (Server Name Indication). */
  readonly sni?: boolean;
  /** The certificate comes from the central certificate store. */
  readonly centralStore?: boolean;
}

const ADDRESSED = /^(\[[^\]]*\]|[^:]*):(\d*):(.*)$/;
const PORT_FIRST = /^(\d+):(.*)$/;

export interface BindingInput {
  readonly protocol: string;
  readonly information: string;
  readonly sslFlags?: string | undefined;
  readonly certificate?: string | undefined;
  readonly certificateStore?: string | undefined;
}

/** `problem` says what is unusual about it; the binding is listed all the same. */
export function readBinding(input: BindingInput): { readonly binding: IisBinding; readonly problem?: string } {
  const flags = Number(input.sslFlags ?? 0);
  const secure = {
    ...(input.certificate ? { certificate: input.certificate } : {}),
    ...(input.certificateStore ? { certificateStore: input.certificateStore } : {}),
    ...(flags & 1 ? { sni: true } : {}),
    ...(flags & 2 ? { centralStore: true } : {}),
  };
  const { place, problem } = readPlace(input.protocol.toLowerCase(), input.information);
  const binding = { protocol: input.protocol, ...place, ...secure };
  return problem === undefined ? { binding } : { binding, problem };
}

interface Place {
  readonly address: string;
  readonly port: number;
  readonly host: string;
}

function readPlace(protocol: string, information: string): { place: Place; problem?: string } {
  switch (protocol) {
    case 'http':
    case 'https':
    case 'ftp':
      return readAddressed(information);
    case 'net.tcp':
      return readNetTcp(information);
    case 'net.pipe':
    case 'net.msmq':
    case 'msmq.formatname':
      return { place: { address: '', port: 0, host: information } };
    default:
      return { place: { address: '', port: 0, host: information }, problem: `unknown protocol "${protocol}"` };
  }
}

/** `address:port:host`; an IPv6 address stands in brackets. */
function readAddressed(information: string): { place: Place; problem?: string } {
  const match = ADDRESSED.exec(information.trim());
  const port = Number(match?.[2] || Number.NaN);
  if (match === null || !(port >= 1 && port <= 65_535)) {
    return { place: { address: '', port: 0, host: '' }, problem: `"${information}" is not address:port:host` };
  }
  const address = match[1]!.replace(/^\[(.*)\]$/, '$1');
  return { place: { address: address === '' ? '*' : address, port, host: match[3]! } };
}

/** `808:*`: port and host name, where `*` and `+` are wildcards. */
function readNetTcp(information: string): { place: Place; problem?: string } {
  const match = PORT_FIRST.exec(information.trim());
  if (match === null) {
    return { place: { address: '', port: 0, host: information }, problem: `"${information}" is not port:host` };
  }
  return {
    place: { address: '*', port: Number(match[1]), host: match[2] === '*' || match[2] === '+' ? '' : match[2]! },
  };
}
