/** What libvirt says of what went wrong. Source: include/libvirt/virterror.h (numbers), virErrorMsgStrings of src/util/virerror.c of libvirt 9 (classes). */

/** virErrorNumber, and how its sentences begin. */
const CLASSES = {
  INTERNAL_ERROR: [1, 'internal error: '],
  NO_SUPPORT: [3, 'this function is not supported by the connection driver: '],
  NO_CONNECT: [5, 'no connection driver available for '],
  INVALID_ARG: [8, 'invalid argument: '],
  /** The same of flags, by virReportInvalidArg(), which puts nothing before its sentence. */
  INVALID_FLAGS: [8, ''],
  OPERATION_FAILED: [9, 'operation failed: '],
  XML_ERROR: [27, 'XML error: '],
  OPERATION_DENIED: [29, 'operation forbidden: '],
  XML_DETAIL: [35, ''],
  SYSTEM_ERROR: [38, ''],
  RPC: [39, ''],
  NO_DOMAIN: [42, 'Domain not found: '],
  NO_NETWORK: [43, 'Network not found: '],
  NO_STORAGE_POOL: [49, 'Storage pool not found: '],
  NO_STORAGE_VOL: [50, 'Storage volume not found: '],
  NO_NODE_DEVICE: [53, 'Node device not found: '],
  OPERATION_INVALID: [55, 'Requested operation is not valid: '],
  NO_INTERFACE: [57, 'Interface not found: '],
  NO_NWFILTER: [62, 'Network filter not found: '],
  NO_SECRET: [66, 'Secret not found: '],
  CONFIG_UNSUPPORTED: [67, 'unsupported configuration: '],
  OPERATION_TIMEOUT: [68, 'Timed out during operation: '],
  NO_DOMAIN_SNAPSHOT: [72, 'Domain snapshot not found: '],
  INVALID_STREAM: [73, 'invalid stream pointer in '],
  ARGUMENT_UNSUPPORTED: [74, 'argument unsupported: '],
  OPERATION_ABORTED: [78, 'operation aborted: '],
  NO_DOMAIN_METADATA: [80, 'metadata not found: '],
  OVERFLOW: [82, 'numerical overflow: '],
  OPERATION_UNSUPPORTED: [84, 'Operation not supported: '],
  AGENT_UNRESPONSIVE: [86, 'Guest agent is not responding: '],
  RESOURCE_BUSY: [87, 'resource busy: '],
  STORAGE_VOL_EXIST: [90, 'storage volume '],
  XML_INVALID_SCHEMA: [92, 'XML document failed to validate against schema: '],
  DEVICE_MISSING: [99, 'device not found: '],
  NO_HOSTNAME: [108, 'no hostname found: '],
} as const;

export type ErrorClass = keyof typeof CLASSES;

/** virErrorDomain: which part of libvirt says it. */
export const ERROR_DOMAIN = {
  xml: 5,
  rpc: 7,
  domain: 20,
  network: 19,
  storage: 18,
  nodedev: 22,
  interface: 26,
  secret: 30,
  nwfilter: 33,
  snapshot: 35,
  qemu: 10,
  streams: 38,
  libxl: 41,
  lockspace: 51,
} as const;

type ErrorDomain = keyof typeof ERROR_DOMAIN;

export class LibvirtError extends Error {
  override name = 'LibvirtError';
  readonly class: ErrorClass;
  readonly from: ErrorDomain;

  /** `detail`: what follows the words of the class. */
  constructor(errorClass: ErrorClass, detail: string, from: ErrorDomain = 'libxl') {
    super(CLASSES[errorClass][1] + detail);
    this.class = errorClass;
    this.from = from;
  }

  /** virErrorNumber. */
  get code(): number {
    return CLASSES[this.class][0];
  }
}

/** Whatever the toolstack throws: a sentence that begins with the words of a class is of that class; any other tells of an operation that failed. */
export function libvirtErrorOf(error: unknown): LibvirtError {
  if (error instanceof LibvirtError) return error;
  const { message } = error as Error;
  if (/^Cannot access (storage|backing) file '/.test(message))
    return new LibvirtError('SYSTEM_ERROR', message, 'storage');
  for (const [name, [, words]] of Object.entries(CLASSES))
    if (words !== '' && message.startsWith(words))
      return new LibvirtError(
        name as ErrorClass,
        message.slice(words.length),
        name === 'RESOURCE_BUSY' ? 'lockspace' : 'libxl',
      );
  return new LibvirtError('OPERATION_FAILED', message);
}

/** Does something of the toolstack's. @throws LibvirtError */
export async function failing<T>(work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw libvirtErrorOf(error);
  }
}
