/** XDR (RFC 4506), the form of what ONC RPC and libvirt's protocol carry. */
export * from './xdr.ts';
