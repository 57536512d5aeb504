/** What a file of `xl save` begins with, for callers that only want to know whether one is such a file. Source: tools/xl/xl.h (struct save_file_header). */

export const XL_MAGIC = 'Xen saved domain, xl format\n \0 \r';
/** Magic, byte order, mandatory flags, optional flags, length of what follows. */
export const XL_HEADER_BYTES = 48;
