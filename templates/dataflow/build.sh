#!/usr/bin/env bash
# Build and push the image, and the Flex Template that names it by its digest.
#
#   templates/dataflow/build.sh IMAGES WORK VERSION
#
# IMAGES and WORK are outputs of templates/dataflow/terraform: an Artifact Registry repository, and a bucket.
# Docker must be signed in to the repository: gcloud auth configure-docker REGION-docker.pkg.dev
set -euo pipefail
[ $# -eq 3 ] || { sed -n '4,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
images=$1 work=$2 version=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
image=$images/silhouette:$version

docker build --platform linux/amd64 -f "$root/templates/Dockerfile" -t "silhouette:$version" "$root"
docker build --platform linux/amd64 --build-arg "IMAGE=silhouette:$version" -t "$image" "$here"
docker push "$image"
digest=$(docker inspect --format '{{index .RepoDigests 0}}' "$image")

template=$work/templates/silhouette-$version.json
gcloud dataflow flex-template build "$template" \
	--image "$digest" --sdk-language PYTHON --metadata-file "$here/metadata.json" \
	--disable-public-ips --enable-streaming-engine
echo "template: $template"
echo "image:    $digest"
