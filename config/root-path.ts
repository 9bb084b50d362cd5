/** Root directories of either system, judged by their spelling alone: a document may name the roots of another platform. */

/** Why `path` cannot be a root, or undefined. Linux `/srv/www`, Windows `C:\inetpub\wwwroot` (or with `/`). */
export function absolutePathProblem(path: string): string | undefined {
  if (path.includes('\0')) return 'holds NUL';
  if (path.length > 4096) return 'is longer than 4096 characters';
  if (/^(\\\\|\/\/)/.test(path)) return 'is a UNC path; roots are directories of the host itself';
  if (!path.startsWith('/') && !/^[A-Za-z]:[\\/]/.test(path)) return 'is not an absolute path';
  if (path.split(/[\\/]/).some((name) => name === '..' || name === '.')) return 'holds "." or ".."';
  return undefined;
}

/** Whether two roots are the same directory or one lies inside the other. */
export function overlap(a: string, b: string): boolean {
  const left = comparable(a);
  const right = comparable(b);
  return left.startsWith(right) || right.startsWith(left);
}

/** Windows paths compare without case and with either separator. */
function comparable(path: string): string {
  const windows = /^[A-Za-z]:/.test(path);
  const unified = windows ? path.replaceAll('\\', '/').toLowerCase() : path;
  return `${unified.replace(/\/+/g, '/').replace(/\/$/, '')}/`;
}
