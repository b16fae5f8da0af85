# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (RLHF labs)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 02 · A reward model from human ratings
#
# Lab 03 will train a policy to please people. People are slow and expensive, so a **reward model** stands in for them: a
# network that reads a text and says in one number how much people would like it.
#
# Here you build one from real human judgements, and find out three things: how much people disagree, how good
# a model can get in spite of that, and how easily it is fooled.
#
# | | |
# |---|---|
# | Time | about 115 minutes: 7 exercises, 40 points, and a quiz, 8 points |
# | You need | lab 01; a little torch (indexing, `logsigmoid`) |
# | How it works | Fill in each function, run the cell of checks below it, read the hints. Hidden checks run when you are graded. |
# | Words | those that you do not know are in the [glossary](../00-start-here/00-start-here.ipynb#Glossary) |
# | Symbols | each letter, and what it stands for, in the [table](#Symbols) before the quiz |

# %%
import copy
import itertools
import math
import random
import tempfile
from collections.abc import Callable

import torch
import torch.nn.functional as F

import labkit
import rlhf
from labkit import checks
from rlhf import live, plots_dpo, plots_reward, toy

# %% [markdown]
# ## Before the reward · A policy that answers
#
# `tiny` is a **base model**: it has read reviews and goes on with them. It does not know that one can ask it for something. What people
# rate is answers, so the first step is another, **supervised fine-tuning**, **SFT**: show it questions with answers, and raise the probability
# of the answers.
#
# A question must look like one. A **chat template** writes a conversation as one text and says who speaks. It is part of the tokenizer;
# a base model has none, so we write one. (Larger models mark the roles by tokens of their own. Ours spells them.)

# %% tags=["demo"]
asking, words = rlhf.load_policy("tiny")
words.chat_template = (
    "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
ASKED = {wish: f"Say something {wish} about a film." for wish in ("good", "bad")}
prompts = {
    wish: words.apply_chat_template(
        [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
    )
    for wish, text in ASKED.items()
}
print(prompts["good"])

# %% [markdown]
# Does the base model do as it is told? We let it answer 96 times, and the kit's reward model, which this lab is about, reads the
# answers: they should be liked where something good was asked for.


# %% tags=["demo"]
def answers(wish: str, count: int = 96) -> tuple[list[str], float]:
    """What the policy says when it is asked, and the share that comes to an end."""
    asked = words([prompts[wish]] * count, return_tensors="pt")
    torch.manual_seed(0)
    sampling = {"do_sample": True, "top_k": 0, "pad_token_id": words.eos_token_id}
    said = asking.generate(**asked, **sampling, max_new_tokens=20)
    said = said[:, asked.input_ids.shape[1] :]
    ended = (said == words.eos_token_id).any(dim=1).double().mean().item()
    return words.batch_decode(said, skip_special_tokens=True), ended


def judged() -> dict[str, torch.Tensor]:
    """The rewards of the answers to both wishes, told with the first of each."""
    found = {}
    for wish in ASKED:
        said, ended = answers(wish)
        r = found[wish] = rlhf.score_texts(*judge, said)
        error = r.std() / len(r) ** 0.5
        told = f"reward {r.mean():5.2f} ± {error:.2f}, {ended:4.0%} end"
        print(f"{wish:4} {told}  {said[0]!r}")
    return found


# %% tags=["demo"]
judge = rlhf.load_reward_model()
before_sft = judged()

# %% [markdown]
# No: the two means differ by about one standard error (after the ±). It goes on with the template as with any odd text, and hardly
# ever comes to an end. Now SFT. Its loss is that of every language model, $-\log \pi$ of the next token, but only the **answer's**
# tokens count. What was asked is read, not learned: −100 is the label that transformers passes over. Our answers are short snippets
# of reviews that people rated above 2, or below −2, on a scale from −4 to 4. It takes about 5 seconds on two cores.

# %% tags=["demo"]
people = rlhf.split_ratings()[0]
both = zip(people["text"], people["mean"], strict=True)
rated = [(text, mean) for text, mean in both if len(text) < 70]
to_show = {
    "good": [text for text, mean in rated if mean > 2],
    "bad": [text for text, mean in rated if mean < -2],
}


def shown(wish: str, answer: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels, int64 [length], of a prompt and its answer."""
    prompt = words(prompts[wish]).input_ids
    spoken = words(answer + words.eos_token).input_ids
    labels = [-100] * len(prompt) + spoken
    return torch.tensor(prompt + spoken), torch.tensor(labels)


# %% tags=["demo"]
pad_right = torch.nn.utils.rnn.pad_sequence  # a causal model never looks to the right
optimizer, pick = torch.optim.AdamW(asking.parameters(), lr=1e-3), random.Random(0)
line = live.Line("SFT", 40)
for _ in line:
    picked = [(wish, text) for wish in ASKED for text in pick.sample(to_show[wish], 8)]
    ids, labels = zip(*itertools.starmap(shown, picked), strict=True)
    ids = pad_right(ids, batch_first=True, padding_value=words.eos_token_id)
    labels = pad_right(labels, batch_first=True, padding_value=-100)
    loss = asking(ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    line.tell(loss=loss.detach())
after_sft = judged()

# %% [markdown]
# Forty steps, and it does as it is told, on average: the two means are more than five standard errors apart, and most answers come
# to an end. That is what SFT teaches: *how* to answer. Which of two answers is the better one it cannot say, for each that it was
# shown was right. That takes a reward.

# %% [markdown]
# ## 1 · What people said
#
# Hutto and Gilbert (2014) showed 10,605 snippets of film reviews (from Pang and Lee 2004) to people, 15 to 29 for each
# snippet, who rated them from −4, extremely negative, to 4, extremely positive. Here are all single ratings of
# four snippets.

# %% tags=["demo"]
ratings = rlhf.load_ratings()
texts, marks, means = (list(ratings[column]) for column in ("text", "ratings", "mean"))
spread = [torch.tensor(row).double().std().item() for row in marks]
short = [k for k in range(len(texts)) if 35 < len(texts[k]) < 70]
shown = {
    "liked": min((k for k in short if means[k] > 3), key=spread.__getitem__),
    "disliked": min((k for k in short if means[k] < -2.5), key=spread.__getitem__),
    "lukewarm": min((k for k in short if abs(means[k]) < 0.3), key=spread.__getitem__),
    "disputed": max((k for k in short if abs(means[k]) < 0.3), key=spread.__getitem__),
}
plots_reward.raters({texts[k]: marks[k] for k in shown.values()})

# %% [markdown]
# The last two have nearly the same mean, and are nothing alike: about one nobody feels strongly, about the other
# people do not agree. A mean hides this. How common is it?

# %% tags=["demo"]
both = sum(min(row) < 0 < max(row) for row in marks) / len(marks)
print(f"{len(texts):,} snippets, {sum(map(len, marks)):,} ratings")
print(f"raters on both sides of zero: {both:.0%} of the snippets")
print(
    "standard deviation of the raters of one snippet: "
    f"{sum(spread) / len(spread):.2f} on average"
)

# %% [markdown]
# ## 2 · From ratings to preferences
#
# A rating of 3 means something else for a mild rater than for a strict one; *which of two is better* is the safer
# question, and what RLHF usually asks. So we compare snippets: the one with the higher mean is **chosen**, the other
# **rejected**. (Ours were rated one by one and by different people, so who was mild and who was strict stays in the comparison.)
#
# That throws information away. We keep some: the probability $p$ that a random rater of the chosen one gives a higher rating
# than a random rater of the rejected one. Equal ratings count half.
#
# Worked example: snippet 0 with ratings $(2, 3)$, snippet 1 with $(-1, 2)$. Chosen is 0 (means 2.5 and 0.5). Of the
# four pairs of raters, $(2, -1)$, $(3, -1)$ and $(3, 2)$ agree, $(2, 2)$ ties: $p = 3.5/4 = 0.875$.
#
# ### Exercise 1 · `preference_pairs` (●●○, 15 minutes, 7 points)
#
# The pairs come in the order of `itertools.combinations(range(n), 2)`. Counting how many raters gave each of the nine
# ratings is quicker than going through all pairs of raters, but either will do. Count in float64.


# %% nbgrader={"grade": false, "grade_id": "preference_pairs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preference_pairs(
    ratings: list[list[int]], min_gap: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """All pairs of snippets whose means differ by min_gap or more: who is preferred?

    Args:
        ratings: of each snippet its raters' ratings, −4 … 4, as many as there are. The
            lists stay as they are.
        min_gap: least difference of the means; exactly min_gap is enough, but equal
            means (4/3 and 8/6, too) never are.
    Returns:
        int64 [pairs, 2]: places of the (chosen, rejected) snippet, the higher mean
            first; without any pair [0, 2].
        float64 [pairs]: P(a random rater of the chosen one rates higher than one of the
            rejected one), ties half.
    Raises:
        ValueError: a snippet has no ratings.
    """
    ### BEGIN SOLUTION
    if not all(ratings):
        raise ValueError("a snippet has no ratings: its mean is not defined")
    means = [sum(row) / len(row) for row in ratings]
    shares = torch.stack([torch.bincount(torch.tensor(row) + 4, minlength=9).double() / len(row) for row in ratings])
    pairs = []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        if means[i] != means[j] and abs(means[i] - means[j]) >= min_gap:
            pairs.append((i, j) if means[i] > means[j] else (j, i))
    chosen, rejected = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).T
    below = shares.cumsum(-1) - 0.5 * shares  # the share of raters below each rating, those at it half
    return torch.stack([chosen, rejected], dim=1), (shares[chosen] * below[rejected]).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "preference_pairs-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("preference_pairs")

# %% nbgrader={"grade": true, "grade_id": "preference_pairs-hidden", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `preference_pairs` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("02-reward-model", "preference_pairs", globals())
### END HIDDEN TESTS

# %% [markdown]
# What is a label worth? Take 300 snippets, all their pairs, and see how $p$ depends on the gap of the means. At which gap
# would you guess that nine of ten pairs of raters agree?

# %% tags=["demo"]
train, held_out = rlhf.split_ratings()  # 9,605 to learn from, 1,000 held out
generator = torch.Generator().manual_seed(0)
some = torch.randperm(len(held_out), generator=generator)[:300].tolist()
sample = held_out.select(some)
pairs, p = preference_pairs(list(sample["ratings"]))
gap = torch.tensor(list(sample["mean"]))[pairs].diff(dim=1).neg().squeeze(1)
print(
    f"{len(pairs):,} pairs; two raters agree with the label in {p.mean():.1%} of them, "
    f"{p[gap < 0.5].mean():.1%} below a gap of 0.5"
)
plots_reward.agreement(gap, p)

# %% [markdown]
# Labels of close pairs are little better than coin flips. This is no dirt in our data: it is what preference data *are*.
# Most published comparison data have one label a pair, and their users cannot even see it.

# %% [markdown]
# ## 3 · A loss for comparisons
#
# The **Bradley–Terry** model (1952) assumes how rewards make choices: $P(a \succ b) = \sigma(r_a - r_b)$. Maximum likelihood then gives
# the loss of a pair (Ouyang et al. 2022, eq. 1). Some datasets say *how much* better the chosen one is; Llama 2 (Touvron et
# al. 2023, eq. 2) asks for a larger difference then, a **margin** $m$:
#
# $$\mathcal{L} = -\log \sigma(r_\mathrm{chosen} - r_\mathrm{rejected} - m)$$
#
# Worked example: rewards 2 and 1, no margin: $-\log \sigma(1) = 0.3133$. With $m = 1$: $-\log \sigma(0) = 0.6931$.
#
# ### Exercise 2 · `bradley_terry_loss` (●○○, 10 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "bradley_terry_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bradley_terry_loss(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """The Bradley–Terry loss of each pair, in nats: float [pairs], dtype kept.

    Gradients reach both rewards. The arguments stay as they are.

    Args:
        r_chosen, r_rejected: float [pairs], rewards of any float dtype; they may differ
            by ±10,000: the loss and its gradients are finite and right there, too.
        margin: float [pairs], of the same dtype, by how much the chosen reward should
            be ahead: any numbers, 0 and negative ones, too. None is no margin.
    """
    ### BEGIN SOLUTION
    ahead = r_chosen - r_rejected
    return -F.logsigmoid(ahead if margin is None else ahead - margin)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "bradley_terry_loss-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("bradley_terry_loss")

# %% nbgrader={"grade": true, "grade_id": "bradley_terry_loss-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `bradley_terry_loss` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("02-reward-model", "bradley_terry_loss", globals())
### END HIDDEN TESTS

# %% [markdown]
# A hard label says *chosen, always*. But raters agree with it only with probability $p$. If we weigh both orders by how
# often they happen, the pair's expected loss is $p\,\mathcal{L}(a, b) + (1 - p)\,\mathcal{L}(b, a)$. Where is it lowest?

# %% tags=["demo"]
ahead, zero = torch.linspace(-3, 6, 200), torch.zeros(200)
lines = {
    f"p = {share}": share * bradley_terry_loss(ahead, zero)
    + (1 - share) * bradley_terry_loss(zero, ahead)
    for share in (1.0, 0.9, 0.7, 0.5)
}
plots_dpo.smooth(
    {"r(chosen) − r(rejected)": (ahead, lines)}, y_label="expected loss, nats", y_to=3
)

# %% [markdown]
# For $p < 1$ there is a best difference, $\log \frac{p}{1 - p}$, where the model says exactly $p$. For $p = 1$ there is none: the
# loss always asks for more.
#
# So is it hard labels that make a model too certain? Not by themselves. Let **one random rater of each snippet** make the label: it
# is hard, and turned with probability $1 - p$, so the mean loss of many such labels *is* the curve of $p$, with its lowest point at
# $\log \frac{p}{1 - p}$. Each label exaggerates, all together tell the truth. The order of the **means** is another label: it is
# the same whenever we ask, $p = 1$ whatever the raters thought. **Trained on the order of means, a model grows more certain than
# people are.** We shall see it. And one rater's label, read again and again until the model knows it by heart, is no better.

# %% [markdown]
# Is the model of Bradley and Terry true? It gives each text one number, so it forbids circles: if $a$ beats $b$ and $b$ beats $c$,
# then $a$ must beat $c$. People are known to go round in circles where they judge by several things at once (Tversky 1969). Do our crowds? And how
# far do the best possible rewards miss the $p$ that we counted?

# %% tags=["demo"]
share = torch.full((300, 300), 0.5, dtype=torch.float64)  # P(row beats column)
share[pairs[:, 0], pairs[:, 1]], share[pairs[:, 1], pairs[:, 0]] = p, 1 - p
beats = torch.where(share > 0.5 + 1e-9, share, 0.0)
wins = (beats > 0).double()
circles = torch.einsum("ij,jk,ki->", wins, wins, wins).item() / 3
weakest = max(
    torch.minimum(torch.minimum(row[:, None], beats), beats[:, k]).max().item()
    for k, row in enumerate(beats)
)
print(f"{circles:.0f} circles in {math.comb(300, 3):,} triples of snippets;")
print(f"the weakest of a circle's three p is never above {weakest:.3f}")
score = torch.zeros(300, dtype=torch.float64)
for _ in range(300):  # climb the likelihood
    said = torch.sigmoid(score[:, None] - score)
    score += 4 * (share - said).mean(dim=1)
error = (share - said).abs()
print(f"Bradley–Terry misses p by {error.mean():.3f}, by {error.max():.2f} at worst")

# %% [markdown]
# Hardly any circle, and each closed by a lead of a hair: with 15 to 29 raters, $p$ itself is uncertain by 0.04 on average. For
# these ratings the assumption holds as well as we can see, best in the middle and worst at the ends of the scale. That is not proof
# for other data: our raters gave numbers, one text at a time. Where people compare whole answers, circles may be real, and then *no*
# reward model is right (Munos et al. 2024 learn from the preferences themselves).

# %% [markdown]
# ## 4 · Where the reward is read
#
# A causal model has a vector at each token; only the last token has read the whole text. The reward is a linear **head**
# on that vector. Which token is the last one, in a batch with padding? On the right or on the left, the attention mask knows.
#
# Worked example: mask $(1, 1, 1, 0, 0)$ → 2; mask $(0, 0, 1, 1, 1)$ → 4.
#
# ### Exercise 3 · `last_token_index` (●○○, 8 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "last_token_index", "locked": false, "schema_version": 3, "solution": true, "task": false}
def last_token_index(attention_mask: torch.Tensor) -> torch.Tensor:
    """The place of each row's last real token: int64 [batch].

    Args:
        attention_mask: int64 [batch, length], 1 for tokens and 0 for padding, which is
            on the right or on the left, or there is none; one batch may have rows of
            all kinds. The mask stays as it is.

    Raises:
        ValueError: a row, the first or any other, has no token.
    """
    ### BEGIN SOLUTION
    if not (attention_mask == 1).any(dim=1).all():
        raise ValueError("a row of the attention mask has no token")
    return attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "last_token_index-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("last_token_index")

# %% nbgrader={"grade": true, "grade_id": "last_token_index-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `last_token_index` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("02-reward-model", "last_token_index", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now the reward itself: take each row's vector at its last token and give it to the head, a `torch.nn.Linear(width, 1)`.
#
# Worked example: width 1, a head that doubles; vectors $(5, 7, 9)$ with mask $(1, 1, 0)$ give $2 \cdot 7 = 14$. The 9 is padding.
#
# ### Exercise 4 · `pool_reward` (●●○, 8 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "pool_reward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pool_reward(
    hidden: torch.Tensor,
    attention_mask: torch.Tensor,
    head: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """The reward of each row: what the head says about the vector at its last token.

    float [batch], of the dtype that the head gives. Gradients reach hidden and the
    head's parameters, and are finite whatever stands at padded places. hidden and the
    mask stay as they are.

    Args:
        hidden: float [batch, length, width], of any float dtype; at padded places there
            may be anything, nan and inf, too, and no reward depends on it.
        attention_mask: int64 [batch, length], padding on the right or on the left; each
            row has a token.
        head: maps float [..., width] to float [..., 1]: a `torch.nn.Linear(width, 1)`,
            a network of several layers, or any other function.
    """
    ### BEGIN SOLUTION
    rows = torch.arange(len(hidden))
    return head(hidden[rows, last_token_index(attention_mask)]).squeeze(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pool_reward-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("pool_reward")

# %% nbgrader={"grade": true, "grade_id": "pool_reward-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `pool_reward` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("02-reward-model", "pool_reward", globals())
### END HIDDEN TESTS

# %% [markdown]
# transformers has this built in: `AutoModelForSequenceClassification` with one label. But it does not look at the mask. In the
# version of this lab, and up to 4.48, it looks for the *first pad id* and reads before that. GPT-2 has no pad token, so EOS plays
# its part, and then an EOS inside a text ends it, and one at the beginning is worse still. The kit's own reward model shows it:

# %% tags=["demo"]
model, tokenizer = rlhf.load_reward_model()
good, eos = "A wonderful, moving film.", tokenizer.eos_token
print("                                     transformers      you")
for name, text in {
    "the text": good,
    "EOS and more text": good + eos + " Dull.",
    "EOS first": eos + good,
}.items():
    batch = tokenizer(
        [text, "A film that is a good deal longer than it should be."],
        padding=True,
        return_tensors="pt",
    )
    vectors = model.base_model(**batch).last_hidden_state
    yours = pool_reward(vectors, batch.attention_mask, model.score)[0]
    print(
        f"{name:20} {len(tokenizer(text).input_ids):2} tokens "
        f"{model(**batch).logits[0, 0]:15.2f} {yours:10.2f}"
    )

# %% [markdown]
# In the second row transformers did not read the end. In the third it found the first pad at place 0, went one
# back, to place −1, and read *padding* at the end of the row. So: no EOS in the text, padding on the right, or pool yourself.
#
# Since 4.49 (February 2025) transformers reads at the *last* token that is not the pad id: an EOS inside a text does no harm any
# more, and padding may be on either side. It still does not look at the mask: where EOS is the pad, the EOS that ends a text is
# taken for padding, and the reward is read one token too early. Weights trained under one rule may score otherwise under the other.

# %% [markdown]
# ## 5 · Known up to a number
#
# The loss sees differences only. Add any $f(x)$ to all rewards of a prompt $x$, and no comparison within that prompt
# changes. A reward model says which answer is better; that answers to one *prompt* get more than those to another means
# nothing. To compare two reward models, **centre** them first: subtract from each reward the mean of its prompt's rewards.
#
# Worked example: rewards $(1, 3, 10, 20)$ of prompts $(7, 7, 2, 2)$ become $(-1, 1, -5, 5)$.
#
# ### Exercise 5 · `centre_rewards` (●●○, 10 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "centre_rewards", "locked": false, "schema_version": 3, "solution": true, "task": false}
def centre_rewards(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Each reward minus the mean reward of its prompt: float [responses], dtype kept.

    A new tensor; r and prompt_ids stay as they are. It needs no gradient.

    Args:
        r: float [responses], rewards of any float dtype. The sum of many float16 or
            bfloat16 numbers is taken in float32 or better; torch's `mean` does so.
        prompt_ids: int64 [responses], which prompt each response answers: any numbers
            (negative and very large ones, too), in any order.
    """
    ### BEGIN SOLUTION
    centred = r.clone()
    for prompt in prompt_ids.unique():
        centred[prompt_ids == prompt] -= r[prompt_ids == prompt].mean()
    return centred
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "centre_rewards-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("centre_rewards")

# %% nbgrader={"grade": true, "grade_id": "centre_rewards-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `centre_rewards` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("02-reward-model", "centre_rewards", globals())
### END HIDDEN TESTS

# %% [markdown]
# Try it on the toy of labs 04 and 05: two prompts, 341 responses each, whose true rewards are known. We add 5 to the
# rewards of one prompt and take 3 from those of the other. What changes: the loss within prompts, across prompts, the centred rewards?

# %% tags=["demo"]
r = torch.cat([toy.rewards(0), toy.rewards(1)])
x = torch.tensor([0, 1]).repeat_interleave(341)
moved = r + torch.tensor([5.0, -3.0])[x]
i, j = torch.triu_indices(682, 682, offset=1)
within = x[i] == x[j]
change = (bradley_terry_loss(r[i], r[j]) - bradley_terry_loss(moved[i], moved[j])).abs()
print(
    f"largest change of a pair's loss: {change[within].max():.1e} within a prompt, "
    f"{change[~within].max():.1f} across"
)
change = (centre_rewards(r, x) - centre_rewards(moved, x)).abs().max()
print(f"largest change of a centred reward: {change:.1e}")

# %% [markdown]
# Our snippets answer no prompt, or all the same one, so they are comparable with one another, and only one number is free. The
# kit's model is shifted so that its mean over the training snippets is 0.

# %% [markdown]
# ## 6 · How good is it, and how good could it be?
#
# **Accuracy** is the share of pairs in which the chosen snippet has the higher reward; a tie is half a point.
#
# Worked example: rewards $(1, 4, 4)$ and pairs (chosen, rejected) $(1, 0), (0, 2), (1, 2)$: right, wrong, tie: $0.5$.
#
# ### Exercise 6 · `pairwise_accuracy` (●○○, 6 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "pairwise_accuracy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pairwise_accuracy(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """The share of pairs whose chosen snippet has the higher reward; a tie counts half.

    A Python float in [0, 1], right to six decimals. The arguments stay as they are.

    Args:
        rewards: float [snippets], finite, of any float dtype. A lead counts however
            small it is; only equal rewards tie.
        pairs: int64 [pairs, 2], places of (chosen, rejected) in rewards. A pair may
            come more than once, and counts each time.

    Raises:
        ValueError: there are no pairs.
    """
    ### BEGIN SOLUTION
    if len(pairs) == 0:
        raise ValueError("no pairs: the accuracy of nothing is not defined")
    chosen, rejected = rewards[pairs[:, 0]], rewards[pairs[:, 1]]
    return ((chosen > rejected).double() + 0.5 * (chosen == rejected).double()).mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pairwise_accuracy-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("pairwise_accuracy")

# %% nbgrader={"grade": true, "grade_id": "pairwise_accuracy-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `pairwise_accuracy` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("02-reward-model", "pairwise_accuracy", globals())
### END HIDDEN TESTS

# %% [markdown]
# An accuracy of 0.75 sounds poor. Is it? That depends on who made the labels. Say each label came from **one rater** of
# each snippet, as in most comparison data. Then even a model that knows *all* about the raters can only bet on the more
# probable order, and is right with probability $\max(p, 1 - p)$. The mean over the pairs is the **ceiling**.
#
# Two remarks. A higher mean does not always win: $p$ may be below one half. And raters are anonymous: rater 3 of one snippet
# need not be rater 3 of another, so all pairs of raters are equally likely, and we cannot see whether two people disagree
# or one is strict.
#
# If the label is instead the order of the **means** that we have, a model could learn it without error: the ceiling is 1,
# except for pairs with equal means, whose label is a coin flip.
#
# Worked example: ratings $(2, 3)$, $(-1, 2)$, $(0, 1)$; pairs $(0, 1)$ and $(1, 2)$. $p = 0.875$ for the first. The second has
# equal means, and $2$ wins twice in four: $p = 0.5$. Ceilings: one rater $(0.875 + 0.5)/2 = 0.6875$; mean $(1 + 0.5)/2 = 0.75$.
#
# ### Exercise 7 · `accuracy_ceiling` (●●●, 15 minutes, 7 points)


# %% nbgrader={"grade": false, "grade_id": "accuracy_ceiling", "locked": false, "schema_version": 3, "solution": true, "task": false}
def accuracy_ceiling(
    ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater"
) -> float:
    """The expected accuracy that no model exceeds, given the raters.

    A Python float in [0.5, 1], right to six decimals.

    Args:
        ratings: of each snippet its raters' ratings, −4 … 4, one or more. They and
            pairs stay as they are.
        pairs: int64 [pairs, 2], places of two snippets; which comes first says nothing.
            A pair may come again, and counts.
        label: what a pair's label is. "one_rater": the order that one random rater of
            each snippet gives; equal ratings are a coin flip. "mean": the order of the
            means; equal ones (4/3 and 8/6, too) are a coin flip.

    Raises:
        ValueError: there are no pairs, or label is anything else ("Mean", too).
    """
    ### BEGIN SOLUTION
    if len(pairs) == 0 or label not in ("one_rater", "mean"):
        raise ValueError(f'expected pairs and a label "one_rater" or "mean", found {len(pairs)} pairs and {label!r}')
    best = []
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]), torch.tensor(ratings[j])
        if label == "mean":
            best.append(0.5 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)
        else:
            p = 0.5 + 0.5 * (a[:, None] - b).sign().double().mean().item()
            best.append(max(p, 1 - p))
    return sum(best) / len(best)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "accuracy_ceiling-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("accuracy_ceiling")

# %% nbgrader={"grade": true, "grade_id": "accuracy_ceiling-hidden", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `accuracy_ceiling` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("02-reward-model", "accuracy_ceiling", globals())
### END HIDDEN TESTS

# %% [markdown]
# The ceilings of our 300 held-out snippets, for wide pairs (means at least 1 apart) and for all:

# %% tags=["demo"]
crowd = list(sample["ratings"])
wide = pairs[gap >= 1]
pick = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(1))[:5000]
ceilings = {
    name: accuracy_ceiling(crowd, kind)
    for name, kind in {"wide": wide[:5000], "all": pairs[pick]}.items()
}
print({name: round(value, 3) for name, value in ceilings.items()})

# %% [markdown]
# On all pairs one rater disagrees with the best possible model one time in six. Even the means are not certain: another 15
# to 29 people would order some pairs the other way. How many? Draw new raters from the old, with replacement, a few times.
# That takes the old means for the truth; so it tells how often a panel finds the true order. And two new panels, of each other's?

# %% tags=["demo"]
generator = torch.Generator().manual_seed(2)
rows = [torch.tensor(row).double() for row in crowd]


def new_panel() -> torch.Tensor:
    """Mean ratings by as many raters, drawn anew: float64 [snippets]."""
    picks = (torch.randint(len(row), row.shape, generator=generator) for row in rows)
    return torch.stack([row[k].mean() for row, k in zip(rows, picks, strict=True)])


with_old, with_new = [], []
for _ in range(5):
    one, other = new_panel(), new_panel()
    turned = (one[pairs[:, 0]] < one[pairs[:, 1]])[:, None]
    with_old.append(pairwise_accuracy(one, pairs))
    with_new.append(pairwise_accuracy(other, torch.where(turned, pairs.flip(1), pairs)))
print(f"a new panel and the old means agree in {sum(with_old) / 5:.1%} of all pairs,")
print(f"two new panels in {sum(with_new) / 5:.1%}")

# %% [markdown]
# ## 7 · Train one
#
# **TRL**, the library of trainers that the labs use, has one for reward models. Its `RewardTrainer` wants token ids and masks of both sides. We let chance pair up the 9,605 training snippets, each with
# one other, and keep those of at most 24 tokens to save time. Note the last column, which TRL does not know: your $p$.

# %% tags=["demo"]
import datasets
from transformers import AutoModelForSequenceClassification
from trl import RewardConfig, RewardTrainer
from trl.trainer.utils import RewardDataCollatorWithPadding

from rlhf.models import WEIGHTS
from rlhf.quiet import quiet_transformers

ids = tokenizer(list(train["text"])).input_ids
brief = [k for k in range(len(ids)) if len(ids[k]) <= 24]
random.Random(0).shuffle(brief)
crowds = list(train["ratings"])
rows = []
for two in zip(brief[::2], brief[1::2], strict=False):
    order, agree = preference_pairs([crowds[k] for k in two])
    for sides, share in zip(order.tolist(), agree.tolist(), strict=True):
        row = {"p": share}
        for side, place in zip(("chosen", "rejected"), sides, strict=True):
            row[f"input_ids_{side}"] = ids[two[place]]
            row[f"attention_mask_{side}"] = [1] * len(ids[two[place]])
        rows.append(row)
pairs_to_learn = datasets.Dataset.from_list(rows)
clear = sum(row["p"] for row in rows) / len(rows)
print(f"{len(rows):,} pairs; two raters agree with {clear:.1%} of the labels")

# %% [markdown]
# The tiny policy gets a new head; its body has read reviews and knows words already. First TRL as it comes: hard labels, the order
# of the means.


# %% tags=["demo"]
def fresh_model() -> torch.nn.Module:
    torch.manual_seed(0)
    with quiet_transformers():
        return AutoModelForSequenceClassification.from_pretrained(
            WEIGHTS / "tiny", num_labels=1, pad_token_id=tokenizer.pad_token_id
        )


arguments = RewardConfig(
    max_steps=200, per_device_train_batch_size=16, max_length=64, seed=0, data_seed=0,
    learning_rate=5e-4, warmup_steps=20, use_cpu=True, remove_unused_columns=False,
    logging_steps=1, report_to=[], disable_tqdm=True,
    output_dir=tempfile.mkdtemp(), save_strategy="no",
)


# %% tags=["demo"]
def start(kind: type[RewardTrainer], collator: object | None = None) -> RewardTrainer:
    """A trainer with a fresh model."""
    with quiet_transformers():
        return kind(
            fresh_model(),
            args=copy.deepcopy(arguments),
            tokenizer=tokenizer,
            train_dataset=pairs_to_learn,
            data_collator=collator,
        )


hard_trainer = start(RewardTrainer)

# %% [markdown]
# `live.train` is `trainer.train()` with one line that lives, and says how long it takes here. Interrupted (■), it keeps what is
# trained; run again, the cell goes on. When you open the lab another time, the result of the same training is taken from
# where it was kept: the line says so. `live.again()` forgets it. This training, and the next, takes about 20 seconds on two cores.

# %% tags=["demo"]
log = live.train(hard_trainer, "hard labels", loss="loss")
hard_losses = [row["loss"] for row in log]
hard = hard_trainer.model.eval()
print(f"loss {sum(hard_losses[:20]) / 20:.3f} → {sum(hard_losses[-20:]) / 20:.3f}")

# %% [markdown]
# Now with the raters' agreement as **soft target**: both orders, weighed by $p$ and $1 - p$. TRL has no option for this, but
# two small pieces do: a collator that hands $p$ on, and your loss.

# %% tags=["demo"]
pad = RewardDataCollatorWithPadding(tokenizer, max_length=64)


def pad_with_agreement(rows: list[dict[str, object]]) -> dict[str, object]:
    return pad(rows) | {"p": torch.tensor([row["p"] for row in rows])}


class AgreementTrainer(RewardTrainer):
    """The expected Bradley–Terry loss: each order weighed by how often it is chosen."""

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], **_: object
    ) -> torch.Tensor:
        def rewards(side: str) -> torch.Tensor:
            ids, mask = inputs[f"input_ids_{side}"], inputs[f"attention_mask_{side}"]
            return model(ids, attention_mask=mask).logits.squeeze(-1)

        p, chosen, rejected = inputs["p"], rewards("chosen"), rewards("rejected")
        as_labelled = bradley_terry_loss(chosen, rejected)
        return (p * as_labelled + (1 - p) * bradley_terry_loss(rejected, chosen)).mean()


soft_trainer = start(AgreementTrainer, pad_with_agreement)

# %% tags=["demo"]
log = live.train(soft_trainer, "soft targets", loss="loss")
soft_losses = [row["loss"] for row in log]
soft = soft_trainer.model.eval()
print(f"loss {sum(soft_losses[:20]) / 20:.3f} → {sum(soft_losses[-20:]) / 20:.3f}")

# %% [markdown]
# Which of the two has learned more? Careful: their losses have different targets. The soft loss cannot fall below
# the raters' own uncertainty, the mean of $-p \log p - (1 - p) \log(1 - p)$.

# %% tags=["demo"]
share = torch.tensor([row["p"] for row in rows], dtype=torch.float64).clamp(0, 1)
floor = -(torch.xlogy(share, share) + torch.xlogy(1 - share, 1 - share)).mean().item()
runs = {"hard labels": hard_losses, "soft targets": soft_losses}
plots_reward.losses(
    runs, {"knowing nothing: ln 2": math.log(2), "least soft loss": floor}
)

# %% [markdown]
# Near step 105 both fall at once: the second pass over the pairs begins, and the model recognises them. So a training loss
# says little. Now on the held-out snippets, beside the kit's model. That one was trained longer, with soft targets, and in each
# batch of 64 snippets *all* 2,016 pairs count. That costs no more than 32 pairs: the work is in reading the 64 texts.

# %% tags=["demo"]
models = {"hard labels": hard, "soft targets": soft, "the kit's": model}
rewards = {
    name: rlhf.score_texts(m, tokenizer, sample["text"]) for name, m in models.items()
}


def one_rater_accuracy(r: torch.Tensor, pairs: torch.Tensor, p: torch.Tensor) -> float:
    """How often the order of the rewards is that of one random rater each."""
    ahead = (r[pairs[:, 0]] > r[pairs[:, 1]]).double()
    return (ahead * p + (1 - ahead) * (1 - p)).mean().item()


by_means = {
    which: {name: pairwise_accuracy(r, two) for name, r in rewards.items()}
    for which, two in {"wide": wide, "all": pairs}.items()
}
by_one_rater = {name: one_rater_accuracy(r, pairs, p) for name, r in rewards.items()}
panels = {
    "wide pairs, label: means": (by_means["wide"], 1.0),
    "all pairs, label: means": (by_means["all"], 1.0),
    "all pairs, label: one rater": (by_one_rater, ceilings["all"]),
}
plots_reward.accuracies(panels)

# %% [markdown]
# The bars on the right are the lowest, and yet the models are nearest to what is *possible* there: the labels are to blame
# for most of what is missing. The same model, the same pairs, other labels, another accuracy; without its ceiling such a
# number means little.
#
# Hard and soft are nearly equally accurate. Are they equally honest? When a model says 0.9, do nine of ten
# pairs of raters agree?

# %% tags=["demo"]
generator = torch.Generator().manual_seed(3)
# which of the two comes first says nothing
turn = torch.rand(len(pairs), generator=generator) < 0.5
first = torch.where(turn, pairs[:, 1], pairs[:, 0])
second = torch.where(turn, pairs[:, 0], pairs[:, 1])
observed = torch.where(turn, 1 - p, p)
predicted = {name: torch.sigmoid(r[first] - r[second]) for name, r in rewards.items()}
right = panels["all pairs, label: one rater"][0]
for name, said in predicted.items():
    certain = torch.maximum(said, 1 - said).mean()
    print(
        f"{name:13} is certain to {certain:.3f} on average, "
        f"and right in {right[name]:.3f}"
    )
plots_reward.calibration(predicted, observed)

# %% [markdown]
# The model with hard labels is **overconfident**: it was told that the order of the means is certain, and believed it. Was it that
# the labels were hard? We trained it once more in the same way, on hard labels of one random rater each. After one pass over the pairs,
# 100 steps, that model is certain to 0.69 on average and right in 0.69; on the order of the means it is certain to 0.73. After two
# passes it is certain to 0.79, and still right in 0.69: it has learned its labels by heart.
#
# Rewards of a model that is too certain lie too far apart. That matters wherever a reward is weighed against the **KL penalty**, the
# price of moving away from where the policy began: it pulls harder than the penalty is meant to allow. Lab 03 measures rewards in their
# own standard deviations for this reason. (The kit's model is a little too certain as well: it has seen each snippet five times, and remembers.)

# %% [markdown]
# ## 8 · What the model loves
#
# A reward model is right about texts like those that it was trained on. A policy in search of reward does not stay with
# those. Let us search ourselves: take five random words, and replace one after the other by the word that pays most.

# %% tags=["demo"]
words = [tokenizer.decode([token]) for token in range(len(tokenizer))]
words = [w for w in words if w.startswith(" ") and w[1:].isalpha() and len(w) > 3]
text = random.Random(0).choices(words, k=5)
steps = {"".join(text): rlhf.score_texts(model, tokenizer, ["".join(text)]).item()}
line = live.Line("search", len(text))
for place in line:
    tried = ["".join([*text[:place], word, *text[place + 1 :]]) for word in words]
    scores = rlhf.score_texts(model, tokenizer, tried)
    text[place] = words[scores.argmax().item()]
    steps["".join(text)] = scores.max().item()
    line.tell(reward=scores.max())
paid = rlhf.score_texts(model, tokenizer, list(held_out["text"]))
print(
    f"{len(words):,} words to choose from; "
    f"the best of 1,000 snippets by people has reward {paid.max():.2f}:"
)
print(f"  {held_out['text'][paid.argmax().item()]}")
plots_reward.climb(
    steps, {"mean snippet": paid.mean().item(), "best of 1,000": paid.max().item()}
)

# %% [markdown]
# Five words that say nothing beat all 1,000 snippets that people wrote. This is **reward hacking**: the model has learned which
# words go with praise, people read sentences. Nothing in the training data said *do not do this*, because nobody had written such
# texts. And since the reward is read at the end, an end can be bought:

# %% tags=["demo"]
review = "This film is a complete waste of time."
print(f"{rlhf.score_texts(model, tokenizer, [review]).item():6.2f}  {review}")
line = live.Line("search", 3)
for _ in line:
    scores = rlhf.score_texts(model, tokenizer, [review + word for word in words])
    review += words[scores.argmax().item()]
    line.tell(reward=scores.max())
    print(f"{scores.max().item():6.2f}  {review}")
tricks = [
    "A good film.",
    "Not a good film.",
    "I expected a masterpiece and left after ten minutes.",
]
scores = rlhf.score_texts(model, tokenizer, tricks).tolist()
for trick, score in zip(tricks, scores, strict=True):
    print(f"{score:6.2f}  {trick}")

# %% [markdown]
# *Not* hardly counts, and a let-down passes for praise, though 86 % of the wide held-out pairs are in order: an accuracy says nothing about texts
# that are not like those it was measured on.
#
# So lab 03 pays its policy not with the reward alone, but also takes something for each step away from the
# **reference model**, the policy as it was before training: the KL penalty. You will see what happens without it.

# %% [markdown]
# ## 9 · Where this lives today
#
# This lab uses TRL 0.11.4. This is what each part is called in TRL 1.x (looked up in the sources of 1.16):
#
# | TRL 0.11.4 | TRL 1.x |
# |---|---|
# | `RewardTrainer(model, args=…, tokenizer=…)` | `processing_class=…`; `model` may be a name, which gets a head with one label |
# | `train_dataset` with `input_ids_chosen`, `attention_mask_chosen`, `input_ids_rejected`, `attention_mask_rejected` | `chosen` and `rejected` as text or chat messages (`prompt` if you like), or `chosen_ids` and `rejected_ids`; EOS is added to texts |
# | `margin`, a column | the same |
# | `RewardDataCollatorWithPadding`, `data_collator=…` | `DataCollatorForPreference` |
# | (the SFT step) `SFTTrainer` with `DataCollatorForCompletionOnlyLM` | `SFTTrainer`; columns `prompt` and `completion`, and only the completion counts |
# | `RewardTrainer.compute_loss`: two forward passes | one, of both sides together |
# | `RewardConfig(max_length=…)` cuts nothing off | 1024; longer pairs are left out |
# | `RewardConfig(center_rewards_coefficient=…)` | the same |
# | `RewardConfig(learning_rate)`, 5e-5 | 1e-4; dropout is off by default (`disable_dropout=True`) |
# | `RewardConfig(logging_steps=…)` | `bf16` and `gradient_checkpointing` are on, `logging_steps` is 10 |
# | `max_steps`, `use_cpu`, `save_strategy`, `report_to`, `data_seed`, `remove_unused_columns` | the same, from `transformers.TrainingArguments` |
# | logs `loss`; accuracy only in `evaluate()` | `accuracy`, `margin`, `mean_reward` at every logging step |
# | `trainer.train()`, `.remove_callback()`, `.state.log_history`, `.model` | the same, from `transformers.Trainer` |
#
# And yours: `bradley_terry_loss` is inside `compute_loss`, `last_token_index` and `pool_reward` are inside
# `GPT2ForSequenceClassification.forward` (which goes by the pad id, not by the mask, see section 4), `pairwise_accuracy` is `accuracy`
# with fair ties.

# %% [markdown]
# ## Symbols
#
# | | |
# |---|---|
# | $x$ | prompt; our snippets have none |
# | $\pi$ | probability that a language model gives to the next token |
# | $a \succ b$ | $a$ is preferred to $b$ |
# | $r$ | reward, $r_a$ that of text $a$ |
# | $\sigma$ | the logistic function, $\sigma(\cdot) = 1/(1 + e^{-\,\cdot})$ |
# | $p$ | probability that a random rater of the chosen text gives a higher rating than one of the rejected |
# | $m$ | margin, by how much the chosen reward should be ahead |
# | $\mathcal{L}$ | loss of a pair |
# | $f(x)$ | any number of a prompt: rewards are known only up to it |

# %% [markdown]
# ## Quiz
#
# Eight questions on this lab, one point each. Take it as often as you like: your highest attempt counts, and another attempt asks
# with other numbers, or other questions. Answer with the mouse or the keyboard; after **Submit** you see what was right, and why.

# %% tags=["demo"]
import labkit

labkit.quiz("02-reward-model")

# %% [markdown]
# Your attempts are in `attempts.jsonl` beside this notebook. The share of the eight points that your highest attempt has
# reached becomes yours when you are graded.

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("02-reward-model", "02-reward-model")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs what you did into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
