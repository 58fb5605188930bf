"""The questions of the library mode, and which of them fits what was said.

They are our own. None names a condition or explains a person to himself; each can be answered in a sentence, and has
no right answer. Whoever is in danger may meet any of them, if the safety layer failed: so the ones on death and grief
lead towards other people, and none asks anybody to imagine the end.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@dataclass(frozen=True, slots=True)
class Theme:
    """What a person may be talking about, the words that give it away, and what to ask then."""

    name: str
    #: Whole words; one that ends in ``*`` stands for all that begin so.
    words: str
    questions: tuple[str, ...]

    def weight(self, said: Collection[str]) -> int:
        """How many of the words said belong to this theme."""
        whole = {word for word in self.words.split() if not word.endswith("*")}
        begins = tuple(word[:-1] for word in self.words.split() if word.endswith("*"))
        return sum(1 for word in said if word in whole or (begins and word.startswith(begins)))


THEMES = (
    Theme(
        "anger",
        "anger angry angri* fury furious rage raging mad resent* irritat* annoy* outrag* temper hate hates hatred "
        "revenge grudge insult* offend* bitter bitterness",
        (
            "What did you take to be true about the other person when your anger rose, and how sure are you of it?",
            "If the same thing had been done by someone you love, what would you have called it?",
            "What is the anger protecting, and could you protect it some other way?",
        ),
    ),
    Theme(
        "worry",
        "worr* anxious anxiety afraid fear fears fearful scared nervous dread* panic* uneasy apprehens* uncertain* "
        "tomorrow future exam interview presentation",
        (
            "Which part of what you fear will be decided by you, and which part will not?",
            "What would you do this afternoon if you already knew that you could bear the worst of it?",
            "How much of this has happened, and how much has only been imagined?",
        ),
    ),
    Theme(
        "grief",
        "grief griev* mourn* loss lost miss missing funeral widow* bereave* died goodbye",
        (
            "What did this person, or this time, give you that is still yours?",
            "With whom could you share one particular memory this week?",
            "Which of their ways would you like to carry on in yours?",
        ),
    ),
    Theme(
        "death",
        "death dead dying mortal* grave aging ageing older",
        (
            "Who would be glad to hear from you today, and what keeps you from calling them?",
            "What have you been putting off that you would be glad to have begun?",
            "Whom could you tell how much this weighs on you?",
        ),
    ),
    Theme(
        "work",
        "work working job jobs boss manager office career colleague* coworker* deadline* project meeting* promotion "
        "salary client* customer* employ* fired unemploy* workload",
        (
            "Which part of this work would you do just as well if nobody ever noticed it?",
            "Where does your task end and someone else's begin?",
            "What would a good day's work look like tomorrow, in one sentence?",
        ),
    ),
    Theme(
        "success",
        "success* ambition* achiev* win winning goal goals fame famous recognition praise* award* prove "
        "accomplish* status prestige",
        (
            "If you had it already, what would you do with the day after?",
            "Whose applause are you working for, and do you admire that person's life?",
            "Which part of this goal depends on you alone?",
        ),
    ),
    Theme(
        "failure",
        "fail* mistake* wrong error errors lose losing loser blunder* reject* messed ruined screwed flop* setback* "
        "defeat*",
        (
            "What exactly went wrong, told the way a fair witness would tell it?",
            "What can be done with this now that could not be done before it happened?",
            "What would you say to a friend who had made this very mistake?",
        ),
    ),
    Theme(
        "regret",
        "regret* guilt guilty asham* shame sorry apolog* forgive* blame* should've remorse conscience undo",
        (
            "Is there something left to make good, and what would its first step be?",
            "What do you know now that you could not have known then?",
            "Who is owed an honest word in this, and have you counted yourself?",
        ),
    ),
    Theme(
        "opinion",
        "opinion* judge* judging judgment gossip* reputation embarrass* humiliat* approv* critic* criticis* criticiz* "
        "mock* laughed respect* impress* image popular*",
        (
            "Of the people whose judgement weighs on you, whose would you ask for advice?",
            "What would you do here if no one could ever find out about it?",
            "What in their criticism is true, and what is merely loud?",
        ),
    ),
    Theme(
        "family",
        "family mother father mom mum dad parent* son daughter child children kids brother* sister* sibling* baby "
        "grandmother grandfather in-laws aunt uncle",
        (
            "What do they do that you would miss, among the things you complain of?",
            "Which old role do you slip into with them, and what would it be like not to, just once?",
            "What do you wish they knew, and how could it be said in one sentence?",
        ),
    ),
    Theme(
        "love",
        "love loving wife husband partner girlfriend boyfriend marriage married divorce* relationship* breakup dating "
        "romance jealous* affair cheat* ex",
        (
            "What do you give here without keeping an account of it?",
            "What are you asking the other person to be that they never promised to be?",
            "When did you last listen to each other with nothing to decide?",
        ),
    ),
    Theme(
        "solitude",
        "lonely loneliness alone isolat* friend friends friendship* nobody abandon* outsider ignored excluded belong*",
        (
            "Who might be as glad as you if one of you made the first move?",
            "When you are alone and it is good, what are you doing?",
            "What kind of friend are you trying to be, and to whom could you be one this week?",
        ),
    ),
    Theme(
        "money",
        "money debt* rent bill bills afford* poor rich wealth* poverty savings loan* mortgage expensive budget "
        "inheritance",
        (
            "How much would be enough, and what would it be enough for?",
            "Which of your worries here would a plan make smaller, and which only a change of mind?",
            "What do you own that you would not buy again?",
        ),
    ),
    Theme(
        "body",
        "pain ill illness sick* disease hospital doctor health* body surgery injur* tired* ache* chronic cancer "
        "headache* recover*",
        (
            "What does your body ask of you today that you could simply give it?",
            "What is still in your hands while this lasts?",
            "Who could make this easier to carry, if you let them?",
        ),
    ),
    Theme(
        "time",
        "time procrastinat* delay* postpon* lazy laziness wast* late hurry busy schedule distract* phone scroll* "
        "discipline* motivat* focus*",
        (
            "What is the smallest part of it that could be finished before you sleep?",
            "What are you busy with instead, and what does it spare you?",
            "If today were the pattern for the year, what would you change in it?",
        ),
    ),
    Theme(
        "decision",
        "decide* deciding decision* choose choosing choice* choice option* dilemma torn whether crossroads unsure "
        "hesitat* quit",
        (
            "Which of the two would you rather have to explain to someone you respect?",
            "What are you hoping somebody will tell you?",
            "What would you choose if both ways were sure to be hard?",
        ),
    ),
    Theme(
        "change",
        "change changed changing changes move moving moved leaving leave left transition* adapt* retire* retirement "
        "graduat* relocat* unfamiliar",
        (
            "What stays the same about you, whatever changes around you?",
            "What did the old order cost you that you no longer notice?",
            "What would you like to learn from this that only this can teach?",
        ),
    ),
    Theme(
        "joy",
        "grateful gratitude thankful happy happiness joy joyful glad proud lucky wonderful beautiful delight* peaceful "
        "content celebrat*",
        (
            "What part in this had other people, and do they know it?",
            "How might you remember this on a day when you need it?",
            "What made it possible that you have come to take for granted?",
        ),
    ),
    Theme(
        "habit",
        "habit* drink drinking alcohol smok* sugar eat eating overeat* gym exercise* tempt* crav* desire* indulg* "
        "willpower impuls* gambl* resist*",
        (
            "What happens in the minute before, and what else could happen in it?",
            "What does it promise you, and when did it last keep the promise?",
            "Which place, hour or company makes the better choice easy?",
        ),
    ),
    Theme(
        "justice",
        "unfair* injustice justice fair duty duties obligation* honest* lie lies lied lying betray* cheated promise* "
        "rights politic* corrupt* trust responsib*",
        (
            "What would be the just thing to do here, even if it changed nothing?",
            "What is yours to put right in this, and what is only yours to witness?",
            "How can you answer this without becoming like it?",
        ),
    ),
    Theme(
        "envy",
        "envy envious compar* better than everyone else's deserve* behind ahead peers instagram successful",
        (
            "Would you take that person's whole life, nights included, along with what you envy?",
            "What would you want if you did not know what the others have?",
            "Which of your own advantages have grown invisible to you?",
        ),
    ),
    Theme(
        "purpose",
        "purpose meaning meaningless pointless empty emptiness life direction aimless stuck bored boredom calling",
        (
            "When did you last lose track of time over something that was also of use to somebody?",
            "Who is better off because you did something last week, however small?",
            "What seems worth doing even on a day when nothing seems to mean much?",
        ),
    ),
    Theme(
        "rest",
        "overwhelm* exhaust* burnout burned stress* pressure sleep* insomnia rest restless calm quiet noise peace "
        "tense breathe break",
        (
            "What could be left undone today without harm to anyone?",
            "Where in your day is there a quarter of an hour that belongs to nobody?",
            "What would you put down first, if you were allowed to put something down?",
        ),
    ),
)

#: For what belongs to no theme.
OPEN = (
    "What part of this is in your power?",
    "What would you like to be true of how you met this, looking back?",
    "What have you not yet said about it?",
    "Which of your strengths has this not called upon so far?",
    "What would it look like to take this one step at a time, and what is the first step?",
    "What do you already know about this that you would rather not know?",
)


def question_for(said: str, asked: Collection[str] = ()) -> str | None:
    """One question that fits what was said and is not among those asked; None once all have been.

    The same words lead to the same question, so that a conversation can be read again as it was.
    """
    words = {word.casefold().replace("’", "'") for word in _WORD.findall(said)}
    weights = {theme.name: theme.weight(words) for theme in THEMES}
    fitting = sorted(
        (theme for theme in THEMES if weights[theme.name]),
        key=lambda theme: (-weights[theme.name], _draw(said, theme.name)),
    )
    others = sorted((theme for theme in THEMES if not weights[theme.name]), key=lambda theme: _draw(said, theme.name))
    for questions in (*(theme.questions for theme in fitting), OPEN, *(theme.questions for theme in others)):
        left = [question for question in questions if question not in asked]
        if left:
            return left[_draw(said, questions[0]) % len(left)]
    return None


def _draw(said: str, salt: str) -> int:
    """A number that looks drawn by lot and is the same for the same words, on every machine."""
    digest = hashlib.sha256(f"{salt}\0{said}".encode(errors="replace")).digest()
    return int.from_bytes(digest[:8], "big")
