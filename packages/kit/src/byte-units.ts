/** Bytes in a gibibyte: operators' limits are in GiB, ours in bytes. */
export const GIB = 1024 ** 3;
