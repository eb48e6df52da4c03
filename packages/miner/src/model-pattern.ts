/** Whether a repo id fits one of the patterns, in which `*` stands for any characters but "/". */
export function matchesModel(patterns: readonly string[], repo: string): boolean {
  return patterns.some((pattern) => {
    const source = pattern
      .split('*')
      .map((part) => part.replaceAll(/[.\\^$+?()[\]{}|]/g, String.raw`\$&`))
      .join('[^/]*');
    return new RegExp(`^${source}$`, 'i').test(repo);
  });
}
