#!/bin/bash
# Starts the API server of the leader once MPI has brought up every node.
python=/opt/nim/llm/.venv/bin/python3
server=nim_llm_sdk.entrypoints.openai.api_server
packer=nim_llm_sdk.logging.pack_all_logs_into_json
if [ "${NIM_JSONL_LOGGING:-0}" = "1" ] && "$python" -c "import $packer" 2> /dev/null; then
  "$python" -m "$server" |& "$python" -m "$packer"
else
  "$python" -m "$server"
fi
