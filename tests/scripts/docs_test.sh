#!/usr/bin/env bash
# What the pages say of the repository is so: links lead somewhere, and the files and names they mention exist.
# shellcheck disable=SC2016  # backticks are Markdown's
# shellcheck source=tests/scripts/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# check ROOT: prints each miss of the Markdown files below ROOT as "FILE:LINE: what is wrong", and exits 1 where there is one.
check() { python3 - "$1"; } <<'PYTHON'
import glob, os, re, sys

ROOT = sys.argv[1]
FOLDERS = ('.ci bench cli cmake config docs operations postgres query router scripts server_address shard_map shard_schema '
           'tests').split()
LONGEST = {'README.md': 160, 'ARCHITECTURE.md': 200}  # in lines
INTERNALS = re.compile(r'(ARCHITECTURE|docs/internals/.*)\.md$')
FENCE = re.compile(r'^ *```.*?^ *``` *$', re.M | re.S)
CODE = re.compile(r'`([^`]+)`')
misses = []


def files(*folders):
    for folder in folders:
        for path, inner, names in os.walk(os.path.join(ROOT, folder)):
            inside = os.path.relpath(path, ROOT)
            inner[:] = sorted(d for d in inner if not d.startswith('.') and (inside, d) != ('.', 'build'))
            for name in sorted(names):
                yield os.path.normpath(os.path.join(inside, name))


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8', errors='replace') as file:
        return file.read()


def blank(match):
    return re.sub(r'[^\n]', ' ', match.group())


def without_code(text):
    return CODE.sub(blank, FENCE.sub(blank, text))


def anchors(path):
    """The anchors that GitHub gives to the headings of a page."""
    found, seen = set(), {}
    for title in re.findall(r'^#{1,6} +(.*?) *#* *$', FENCE.sub(blank, read(path)), re.M):
        title = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', title)
        slug = re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(slug if count == 0 else f'{slug}-{count}')
    return found


def expand(path):
    """The alternatives of a path with {a,b} in it."""
    braces = re.search(r'\{([^{}]*)\}', path)
    if not braces:
        return [path]
    return [whole for part in braces.group(1).split(',')
            for whole in expand(path[:braces.start()] + part + path[braces.end():])]


def is_there(path):
    return bool(glob.glob(os.path.join(ROOT, path)))


def identifiers():
    """All words of the sources that are not in comments."""
    comments = {'.hpp': '//', '.cpp': '//', '.in': '//', '.sql': '--'}
    words = set()
    for path in files(*(f for f in FOLDERS if f not in ('docs', '.ci'))):
        ending = os.path.splitext(path)[1]
        if ending == '.md' or path == 'tests/scripts/docs_test.sh':
            continue
        comment = comments.get(ending, '#')
        for line in read(path).split('\n'):
            words.update(re.findall(r'[A-Za-z_]\w*', line.split(comment)[0]))
    return words


def check_links(page, text, miss):
    prose = without_code(text)
    for link in re.finditer(r'\]\(\s*<?([^()\s<>]+)>?\s*\)|^\[[^\]]+\]:\s*(\S+)', prose, re.M):
        target = link.group(1) or link.group(2)
        if re.match(r'[a-z][a-z+.-]*:', target):
            continue
        path, _, anchor = target.partition('#')
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not is_there(glob.escape(path)):
            miss(link.start(), f'the link {target} leads nowhere')
        elif anchor and path.endswith('.md') and anchor not in anchors(path):
            miss(link.start(), f'{path} has no heading #{anchor}')


def check_paths(code, at, miss):
    for token in re.finditer(r'[^\s`]+', code):
        path = token.group().rstrip('.,:;)').lstrip('(')
        if path.split('/')[0] not in FOLDERS or '/' not in path or re.search(r'[…<>$|=]', path):
            continue
        for one in expand(path):
            if not is_there(one):
                miss(at + token.start(), f'there is no {one}')


def check_calls(code, at, words, miss):
    for call in re.finditer(r'([A-Za-z_][\w:.]*)\(\)', code):
        for name in re.split(r'::|\.', call.group(1)):
            if name not in words:
                miss(at + call.start(), f'no source has the name {name}, of {call.group()}')


def check_words(code, at, words, miss):
    """Words that can only be names: PascalCase ones, and a snake_case one that stands alone."""
    for name in re.finditer(r'(?<![\w./-])[A-Z][a-z]+(?:[A-Z][a-z]+)+(?![\w.-])|^[a-z]+(?:_[a-z0-9]+)+$', code):
        if name.group() not in words:
            miss(at + name.start(), f'no source has the name {name.group()}')


def check_places(text, miss):
    """A name and its file: "`name()` in `file.cpp`", "`name` (`file.cpp`)". Without code blocks."""
    for place in re.finditer(r'`([\w:]+)(?:\(\))?`(?: in |\s+\()`([\w/]+\.\w+)`', text):
        name, path = re.split('::', place.group(1))[-1], place.group(2)
        if is_there(path) and not re.search(rf'\b{name}\b', read(path)):
            miss(place.start(), f'{name} is not in {path}')


words = identifiers()
for page in files('.'):
    if not page.endswith('.md'):
        continue
    text = read(page)

    def miss(at, why):
        misses.append(f'{page}:{text.count(chr(10), 0, at) + 1}: {why}')

    if text.count('\n') > LONGEST.get(page, sys.maxsize):
        misses.append(f'{page}:1: it has more than {LONGEST[page]} lines')
    check_links(page, text, miss)
    check_places(FENCE.sub(blank, text), miss)
    pieces = [(m.group(), m.start()) for m in FENCE.finditer(text)]
    pieces += [(m.group(1), m.start(1)) for m in CODE.finditer(FENCE.sub(blank, text))]
    for code, at in sorted(pieces, key=lambda piece: piece[1]):
        check_paths(code, at, miss)
        if page == 'CONTRIBUTING.md' or INTERNALS.match(page):
            check_calls(code, at, words, miss)
        if INTERNALS.match(page):
            check_words(code, at, words, miss)

print('\n'.join(misses))
sys.exit(1 if misses else 0)
PYTHON

# page FILE LINE...: a repository of one source file and this page.
page() {
  rm -rf "${scratch:?}/tree"
  mkdir -p "$scratch"/tree/{query,docs/internals}
  printf '%s\n' 'int plan_read();  // not gather()' >"$scratch/tree/query/plan_read.cpp"
  printf '%s\n' '# Reads' '## The `how` of it' >"$scratch/tree/docs/reads.md"
  local file=$scratch/tree/$1
  shift
  printf '%s\n' "$@" >"$file"
}
right() { page "$@"; expect_exit 0 '^$' check "$scratch/tree"; }
wrong() { local why=$1; shift; page "$@"; expect_exit 1 "^$1:2: $why\$" check "$scratch/tree"; }

right README.md '[reads](docs/reads.md#the-how-of-it), [up](#top), [else](https://example.org/none.md)' '# Top'
right docs/index.md '`query/plan_{read}.cpp`, `query/*.cpp`, `build/none`, `query/…`' '```' '[no link](none.md)' '```'
right ARCHITECTURE.md 'See `plan_read()` in `query/plan_read.cpp`.'
right docs/index.md '`gather()` and `MergedRows` may be anything on a page for users.'
wrong 'the link docs/none.md leads nowhere' README.md '' '[reads](docs/none.md)'
wrong 'docs/reads.md has no heading #why' README.md '' '[reads](docs/reads.md#why)'
wrong 'there is no query/none.cpp' docs/index.md '' '`query/{plan_read,none}.cpp`'
wrong 'there is no query/\*.hpp' docs/index.md '' '`query/*.hpp`'
wrong 'plan_write is not in query/plan_read.cpp' CONTRIBUTING.md '' 'See `plan_write` in `query/plan_read.cpp`.'
wrong 'plan is not in query/plan_read.cpp' docs/index.md '' 'See `plan` (`query/plan_read.cpp`).'
wrong 'no source has the name gather, of gather\(\)' ARCHITECTURE.md '' '`gather()`'
wrong 'no source has the name Plan, of Plan::plan_read\(\)' docs/internals/reads.md '' '`Plan::plan_read()`'
wrong 'no source has the name plan_write' docs/internals/reads.md '' '`plan_write`'
wrong 'no source has the name MergedRows' docs/internals/reads.md '' '`MergedRows`'
page README.md "$(seq 161)"
expect_exit 1 '^README.md:1: it has more than 160 lines$' check "$scratch/tree"

misses=$(check .) || failed "pages say what is not so:"$'\n'"$misses"
finish
