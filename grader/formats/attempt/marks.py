"""Signs and words that saved attempts use: boxes, marks, verdicts in several languages, labels, and what pages add."""

from __future__ import annotations

EMPTY = "☐◯○⬜▢◻□"
TICKED = "☒☑◉●🔘⬛▣◼■"
RIGHT = "✅✓✔"
WRONG = "❌✗✘✖⊗☓"
SIGNS = EMPTY + TICKED + RIGHT + WRONG

CORRECT = (
    "correct|right|that's right|that is right|richtig|korrekt|juste|exact|exacte|bonne réponse|correcto|correcta|"
    "respuesta correcta|certo|correto|correta|corretto|corretta|esatto|giusto|goed|juist|un-selected is correct"
)
INCORRECT = (
    "incorrect|wrong|not quite|not correct|falsch|nicht richtig|faux|incorrecte|mauvaise réponse|incorrecto|"
    "incorrecta|errado|incorreto|incorreta|sbagliato|sbagliata|errato|fout|onjuist|niet juist|"
    "you didn't select all the correct answers|this should not be selected|this should be selected"
)
PARTLY = (
    "partially correct|partly correct|teilweise richtig|partiellement correcte?|parcialmente correct[oa]|"
    "parcialmente corret[oa]|parzialmente corrett[oa]|gedeeltelijk (?:goed|juist|correct)"
)
SHOULD_BE_LEFT = ("un-selected is correct", "this should not be selected")
SHOULD_BE_TICKED = ("this should be selected",)

QUESTION = "Question|Frage|Aufgabe|Pregunta|Pergunta|Questão|Domanda|Vraag|Quesito"
POINT = r"points?|pts?\.?|Punkte?|Punkten|puntos?|pontos?|punt[oi]|punten|punt"
GRADE = (
    r"your (?:grade|score)|latest submission grade|grade received|your latest|ihre? (?:note|bewertung|punktzahl)|"
    r"deine (?:note|punktzahl)|votre note|tu (?:calificación|nota)|su calificación|sua nota|il tuo (?:voto|punteggio)|"
    r"je (?:cijfer|score)|uw (?:cijfer|score)"
)
FEEDBACK = "Explanation|Feedback|Why|Erklärung|Erläuterung|Explication|Explicación|Explicação|Spiegazione|Uitleg"
ANSWER = (
    "The correct answers? (?:is|are)|Correct answers?|Right answers?|Answers?|Richtige Antwort(?:en)?|Bonne réponse|"
    "Réponse correcte|Respuestas? correctas?|Respostas? corretas?|Rispost[ae] corrett[ae]|Juiste antwoord(?:en)?"
)
CHOSEN = (
    "Your answers?|You (?:chose|selected|answered)|(?:Ihre|Deine) Antwort|Votre réponse|Tu respuesta|Sua resposta|"
    "La tua risposta|Je antwoord|Uw antwoord"
)
NOISE = ("check", "close", "expand", "clear selection", "skip to submission", "try again", "next item", "next item →")
