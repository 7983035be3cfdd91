# Adds the certificates of the mounted ConfigMap to the image's own and hands the result on as /etc/ssl.
set -eu
for file in /custom/*.crt /custom/*.pem; do
  [ -e "$file" ] || continue
  name=$(basename "$file")
  cp "$file" "/usr/local/share/ca-certificates/${name%.*}-${name##*.}.crt"
  echo "added $name"
done
update-ca-certificates
cp -r /etc/ssl/certs /ca-certs
