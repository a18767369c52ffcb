#!/usr/bin/env bash
# Usage: move_tags.sh RELEASE IMAGE PRERELEASE
#
# Makes a commit on top of the release whose action.yml runs IMAGE (a reference with a digest) instead
# of building the Dockerfile in every job of every user, and puts the release's tag on it. Unless
# PRERELEASE is `true`, or RELEASE says so by itself (v1.2.0-rc.1), the tags vN and vN.M follow, as
# long as no later release of theirs is out. REMOTE is the repository to push to.
set -euo pipefail
release=$1 image=$2 prerelease=$3

[[ $image == *@sha256:* ]] || { echo "::error::the image $image is not named by a digest"; exit 1; }
sed -i "s|^  image: .*|  image: docker://$image|" action.yml
grep -qxF "  image: docker://$image" action.yml

export GIT_AUTHOR_NAME='github-actions[bot]' GIT_COMMITTER_NAME='github-actions[bot]'
export GIT_AUTHOR_EMAIL='41898282+github-actions[bot]@users.noreply.github.com'
export GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
git diff --quiet -- action.yml || git commit --quiet -m "Run $release from its published image" -- action.yml

tags=("$release")
if [[ $prerelease != true && $release =~ ^v([0-9]+)\.([0-9]+)\.[0-9]+$ ]]; then
  minor="v${BASH_REMATCH[1]}.${BASH_REMATCH[2]}" major="v${BASH_REMATCH[1]}"
  # A fix of an old line (v1.1.7 after v1.2.0) must not take v1 back.
  released=$(git ls-remote --tags --refs "$REMOTE" 'v*' | sed 's|.*refs/tags/||')
  for moving in "$minor" "$major"; do
    newest=$(printf '%s\n' "$released" "$release" | grep -E "^${moving//./\\.}(\.[0-9]+)+$" |
      grep -E '^v[0-9]+\.[0-9]+\.[0-9]+$' | sort --version-sort | tail -n 1)
    if [[ $newest == "$release" ]]; then tags+=("$moving"); fi
  done
fi
for tag in "${tags[@]}"; do git tag --force "$tag" > /dev/null; done
git push --quiet --force "$REMOTE" "${tags[@]/#/refs/tags/}"
echo "${tags[*]} → $(git rev-parse HEAD), which runs $image"
