"""vLLM's log-probabilities, in a process of its own: `python vllm_logprobs.py FOLDER < TOKENS > LOGPROBS`.

It imports nothing of octo's, for vLLM's environment is another one. TOKENS is a JSON list of prompts; LOGPROBS has, for
each token of each but the first, the likeliest ones by id.
"""

import json
import os
import sys

# Read when vLLM is imported. It works in this process, and asks nobody for anything.
os.environ |= {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}

from vllm import LLM, SamplingParams

NUM_CHOICES = 20


def main(folder: str) -> None:
    llm = LLM(model=folder, dtype="float32", enforce_eager=True, max_model_len=128, max_num_seqs=4, seed=0)
    asked = SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=NUM_CHOICES)
    prompts = [{"prompt_token_ids": tokens} for tokens in json.load(sys.stdin)]
    answers = llm.generate(prompts, asked, use_tqdm=False)
    told = [
        [{str(token): choice.logprob for token, choice in choices.items()} for choices in answer.prompt_logprobs[1:]]
        for answer in answers
    ]
    # vLLM logs on stdout: the last line is ours.
    print("\n" + json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
