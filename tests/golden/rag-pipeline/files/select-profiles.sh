# Selects model profiles from the manifest that the image carries, as the NIM Operator does.
#
#   WANT_ENGINE WANT_PRECISION WANT_TP WANT_QOS WANT_LORA WANT_BUILDABLE   what a profile has to be; empty: anything
#   WANT_GPUS      products with their device ids: `h100:2330,2331 l40s:`
#   NIM_MANIFEST_PATH   the manifest, where the image has it in another place
#
# Leaves the profiles' names in `selected`. Needs nothing of the image but a shell, tr and grep.

carriage_return=$(printf '\r')
say() { printf '%s\n' "$*"; }
lower() { printf '%s' "$1" | tr '[:upper:]' '[:lower:]'; }
contains() { case $1 in *"$2"*) return 0 ;; *) return 1 ;; esac; }
optimized() { contains "$(lower "$1")" tensorrt; }

find_manifest() {
  for manifest in "${NIM_MANIFEST_PATH:-}" /opt/nim/etc/default/model_manifest.yaml /opt/nim/etc/model_manifest.yaml \
    /etc/nim/config/model_manifest.yaml; do
    if [ -n "$manifest" ] && [ -r "$manifest" ]; then return 0; fi
  done
  say "the image has no model manifest, so no profile can be selected from it: name model.profiles in the NIMCache, or NIM_MANIFEST_PATH in its env"
  exit 1
}

# The devices that this container sees, a name a line, with dashes as in the node's label nvidia.com/gpu.product.
visible_gpus() {
  if command -v nvidia-smi > /dev/null 2>&1; then
    nvidia-smi --query-gpu=name --format=csv,noheader 2> /dev/null | tr ' ' '-' || true
  fi
}

forget_profile() {
  id= tagged= precision= tp= qos= lora= buildable= engine= model_type= backend= gpu= profile_key= gpu_device= product_name_regex=
}

# The key before the colon of $1 as `key`, and what follows as `value`, without quotes, YAML tag and comment.
split() {
  value=${1#*:} key=${1%%:*}
  value=${value#"${value%%[! ]*}"}
  value=${value#\!* }
  case $value in
    \'*) value=${value#?} value=${value%%\'*} ;;
    \"*) value=${value#?} value=${value%%\"*} ;;
    *) value=${value%% \#*} value=${value%"${value##*[! ]}"} ;;
  esac
  case $key in \'*\' | \"*\") key=${key#?} key=${key%?} ;; esac
}

tag() {
  split "$1"
  case $key in
    precision) precision=$value ;;
    tp) tp=$value ;;
    profile) qos=$value ;;
    feat_lora) lora=$value ;;
    trtllm_buildable) buildable=$value ;;
    llm_engine) engine=$value ;;
    model_type) model_type=$value ;;
    backend) backend=$value ;;
    gpu) gpu=$value ;;
    key) profile_key=$value ;;
    gpu_device) gpu_device=$value ;;
    product_name_regex) product_name_regex=$value ;;
  esac
}

# `{a: 1, b: 2}`
flow_tags() {
  rest=${1#*\{}
  rest=${rest%\}*},
  while [ -n "$rest" ]; do
    pair=${rest%%,*} rest=${rest#*,}
    tag "${pair#"${pair%%[! ]*}"}"
  done
}

# Manifests come in three forms: a mapping by the profiles' names, since 2.0 a list under `profiles`, and in old images a
# list under `manifest`, whose items have an id or are such a mapping.
read_manifest() {
  version=1 listed= item_at=-1 fields_at= tags_at=-1 total=0
  forget_profile
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%"$carriage_return"}
    text=${line#"${line%%[! ]*}"}
    case $text in '' | '#'* | '---'*) continue ;; esac
    column=$((${#line} - ${#text}))
    if [ "$tags_at" -ge 0 ]; then
      if [ "$column" -gt "$tags_at" ]; then
        tag "$text"
        continue
      fi
      tags_at=-1
    fi
    case $column$listed$text in
      0-* | *"listed- "*)
        if [ -n "$listed" ] && { [ "$item_at" -lt 0 ] || [ "$column" = "$item_at" ]; }; then
          judge
          item_at=$column text=${text#-}
          text=${text#"${text%%[! ]*}"}
          column=$((${#line} - ${#text})) fields_at=
          case $version$text in
            1id:* | 1tags:* | 1workspace:*) ;;
            1*:) split "$text" && id=$key && continue ;;
          esac
        fi
        ;;
      0*)
        judge
        listed= item_at=-1 fields_at=
        case $text in
          profiles:*) version=2 listed=listed ;;
          manifest:*) listed=listed ;;
          *) split "$text" && id=$key ;;
        esac
        continue
        ;;
    esac
    fields_at=${fields_at:-$column}
    [ "$column" = "$fields_at" ] || continue
    case $text in
      id:*) [ -z "$listed" ] || { split "$text" && id=$value; } ;;
      "tags:"*\{*) tagged=yes && flow_tags "$text" ;;
      tags:*) tagged=yes tags_at=$column ;;
    esac
  done < "$1"
  judge
}

# What keeps the profile that was read from being selected; nothing when it fits.
obstacle() {
  if [ -n "$WANT_PRECISION" ] && [ "$precision" != "$WANT_PRECISION" ]; then say precision && return; fi
  if [ -n "$WANT_TP" ] && [ "$tp" != "$WANT_TP" ]; then say tensorParallelism && return; fi
  if [ -n "$WANT_QOS" ] && [ "$qos" != "$WANT_QOS" ]; then say qosProfile && return; fi
  if [ -n "$WANT_LORA" ]; then
    if [ "$lora" != "$WANT_LORA" ]; then say lora && return; fi
  elif [ "$version" = 1 ] && [ "$lora" = true ]; then
    say lora && return
  fi
  runtime=${engine:-$backend}
  if [ "$version" = 2 ]; then
    if [ -n "$WANT_BUILDABLE" ] && [ "$buildable" != "$WANT_BUILDABLE" ]; then say buildable && return; fi
    runtime=${engine:-${model_type:-$backend}}
    if [ "$runtime" = triton ]; then runtime=tensorrt; fi
  fi
  if [ -n "$WANT_ENGINE" ] && ! contains "$runtime" "${WANT_ENGINE%_llm}"; then say engine && return; fi
  if [ "$version" = 2 ] && [ "$buildable" = true ]; then return; fi
  if optimized "$WANT_ENGINE" || [ -n "$WANT_GPUS" ]; then
    if ! optimized "$runtime"; then say engine && return; fi
    if [ -n "$WANT_GPUS$seen" ] && ! fits_gpu; then say gpus; fi
  fi
}

fits_gpu() {
  found=
  for wanted in $WANT_GPUS; do
    product=$(lower "${wanted%%:*}") ids=${wanted#*:}
    if [ -z "$product" ]; then continue; fi
    if contains "$(lower "$gpu")" "$product" || contains "$(lower "$profile_key")" "$product"; then found=yes; fi
    if [ -n "$found" ] && [ -n "$ids" ] && ! contains ",$ids," ",${gpu_device%:10de},"; then return 1; fi
  done
  if [ -n "$found" ]; then return 0; fi
  for name in $seen; do
    if contains "$(lower "$name")" "$(lower "$gpu")"; then return 0; fi
    if [ -n "$product_name_regex" ] && printf '%s\n' "$name" | grep -Eq -e "$product_name_regex" 2> /dev/null; then return 0; fi
  done
  return 1
}

judge() {
  if [ -n "$id" ] && [ -n "$tagged" ]; then
    total=$((total + 1))
    reason=$(obstacle)
    if [ -z "$reason" ]; then
      selected="$selected $id"
      say "selected $id: ${engine:-${model_type:-$backend}} ${precision:+precision $precision }${tp:+tensorParallelism $tp }${qos:+$qos }${gpu:+gpu $gpu${gpu_device:+ ($gpu_device)}}"
    else
      reasons="$reasons $reason"
    fi
  fi
  forget_profile
}

wanted_text() {
  say "${WANT_ENGINE:+engine $WANT_ENGINE, }${WANT_PRECISION:+precision $WANT_PRECISION, }${WANT_TP:+tensorParallelism $WANT_TP, }${WANT_QOS:+qosProfile $WANT_QOS, }${WANT_LORA:+lora $WANT_LORA, }${WANT_BUILDABLE:+buildable $WANT_BUILDABLE, }${WANT_GPUS:+gpus $WANT_GPUS, }"
}

count() {
  number=0
  for reason in $reasons; do
    if [ "$reason" = "$1" ]; then number=$((number + 1)); fi
  done
  if [ "$number" -gt 0 ]; then printf ', %s because of %s' "$number" "$1"; fi
}

select_profiles() {
  selected= reasons=
  find_manifest
  seen=$(visible_gpus)
  wanted=$(wanted_text)
  wanted=${wanted%, }
  say "selecting from $manifest by $wanted"
  if [ -n "$seen" ]; then say "devices: $(printf '%s' "$seen" | tr '\n' ' ')"; fi
  read_manifest "$manifest"
  if [ "$total" = 0 ]; then
    say "no profile with tags can be read from $manifest: name model.profiles in the NIMCache"
    exit 1
  fi
  if [ -z "$selected" ]; then
    say "no profile of the image fits $wanted: $total profiles are left out$(for one in precision tensorParallelism qosProfile lora buildable engine gpus; do count "$one"; done)"
    exit 1
  fi
}
