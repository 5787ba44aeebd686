/** Error numbers as Xen returns them, negated (xen/include/public/errno.h). */
export const EPERM = 1
export const ENOENT = 2
export const ESRCH = 3
export const E2BIG = 7
export const EBADF = 9
export const EACCES = 13
export const EFAULT = 14
export const EBUSY = 16
export const EEXIST = 17
export const EINVAL = 22
export const ENOSPC = 28
export const EROFS = 30
export const ENOSYS = 38
export const EISCONN = 106
export const ENODATA = 61
export const ETIME = 62
export const EOPNOTSUPP = 95
