-- The statements of Stoic Emperor, the same in both dialects. Each names the user: the first wall.

-- name: user_by_id
SELECT id, name, created_at, consent_at, asked_at, paused_at, country FROM users WHERE id = :user_id

-- name: users
-- For whoever keeps the house, in maintenance only.
SELECT id, name, created_at, consent_at, asked_at, paused_at, country FROM users ORDER BY created_at, id

-- name: add_user
INSERT INTO users (id, name, created_at) VALUES (:user_id, :name, :created_at) ON CONFLICT DO NOTHING

-- name: update_user
UPDATE users SET name = :name, consent_at = :consent_at, asked_at = :asked_at, paused_at = :paused_at,
    country = :country
WHERE id = :user_id

-- name: add_session
INSERT INTO sessions (user_id, id, created_at, title, metadata)
VALUES (:user_id, :id, :created_at, :title, :metadata)

-- name: session_by_id
SELECT id, user_id, created_at, title, metadata FROM sessions WHERE user_id = :user_id AND id = :id

-- name: update_session
UPDATE sessions SET title = :title, metadata = :metadata WHERE user_id = :user_id AND id = :id

-- name: sessions_recent
-- Newest first, each with how many messages it has, which the index alone tells, and when the last came.
SELECT s.id, s.user_id, s.created_at, s.title, s.metadata,
    (SELECT count(*) FROM messages m WHERE m.user_id = s.user_id AND m.session_id = s.id),
    coalesce((SELECT m.created_at FROM messages m WHERE m.user_id = s.user_id AND m.session_id = s.id
        ORDER BY m.seq DESC LIMIT 1), s.created_at)
FROM (SELECT * FROM sessions WHERE user_id = :user_id ORDER BY created_at DESC, id LIMIT :n OFFSET :skip) s
ORDER BY s.created_at DESC, s.id

-- name: session_titles
-- Newest first.
SELECT id, title, created_at FROM sessions WHERE user_id = :user_id ORDER BY created_at DESC, id

-- name: latest_session
SELECT id, user_id, created_at, title, metadata FROM sessions WHERE user_id = :user_id
ORDER BY created_at DESC, id LIMIT 1

-- name: latest_spoken_session
-- The one in which something was said last, which need not be the one begun last.
SELECT s.id, s.user_id, s.created_at, s.title, s.metadata
FROM (SELECT session_id FROM messages WHERE user_id = :user_id ORDER BY seq DESC LIMIT 1) m
JOIN sessions s ON s.user_id = :user_id AND s.id = m.session_id

-- name: count_sessions
SELECT count(*) FROM sessions WHERE user_id = :user_id

-- name: count_sessions_since
SELECT count(*) FROM sessions WHERE user_id = :user_id AND created_at > :since

-- name: totals
-- Conversations, messages, and replies that wait for their analysis.
SELECT (SELECT count(*) FROM sessions WHERE user_id = :user_id), (SELECT count(*) FROM messages WHERE user_id = :user_id),
    (SELECT count(*) FROM messages
     WHERE user_id = :user_id AND semantic_processed_at IS NULL AND role = 'emperor' AND status <> 'streaming'
        AND (created_at >= (SELECT u.consent_at FROM users u WHERE u.id = :user_id)
            OR session_id IN (SELECT s.id FROM sessions s
                WHERE s.user_id = :user_id AND s.metadata LIKE '%"analysed": true%')))

-- name: delete_session
DELETE FROM sessions WHERE user_id = :user_id AND id = :id

-- name: add_message
INSERT INTO messages (user_id, session_id, id, role, content, psych_update, created_at, semantic_processed_at, status)
VALUES (:user_id, :session_id, :id, :role, :content, :psych_update, :created_at, :semantic_processed_at, :status)

-- name: update_message
-- What was stopped, maybe by another process, stays stopped; of what was erased nothing comes back.
UPDATE messages SET content = :content, created_at = :at,
    status = CASE WHEN status = 'streaming' THEN :status ELSE status END
WHERE user_id = :user_id AND id = :id RETURNING status

-- name: stop_replies
-- Replies of a conversation that are under way, wherever: who writes them finds that out within a second.
UPDATE messages SET status = 'stopped'
WHERE user_id = :user_id AND session_id = :session_id AND status = 'streaming' AND created_at < :before
RETURNING id

-- name: hold_session
-- Two who want to answer in it come one after the other.
UPDATE sessions SET title = title WHERE user_id = :user_id AND id = :id

-- name: replies_under_way
-- They are among the last, newest first; who said something since, waits.
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status
FROM (SELECT * FROM messages WHERE user_id = :user_id AND session_id = :session_id ORDER BY seq DESC LIMIT 50) m
WHERE m.status = 'streaming' ORDER BY m.seq DESC

-- name: message_by_id
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status FROM messages
WHERE user_id = :user_id AND id = :id

-- name: message_times
SELECT id, created_at FROM messages WHERE user_id = :user_id AND id IN (:ids)

-- name: message_time_by_words
-- Of a turn that an earlier program made searchable under an id of its own.
SELECT created_at FROM messages WHERE user_id = :user_id AND session_id = :session_id AND content = :content
ORDER BY seq LIMIT 1

-- name: insight_times
SELECT id, created_at FROM semantic_insights WHERE user_id = :user_id AND id IN (:ids)

-- name: message_ids
-- Those that begin so.
SELECT id FROM messages WHERE user_id = :user_id AND substr(id, 1, length(:beginning)) = :beginning ORDER BY seq

-- name: session_ids
SELECT id FROM sessions WHERE user_id = :user_id AND substr(id, 1, length(:beginning)) = :beginning

-- name: insight_ids
SELECT id FROM semantic_insights WHERE user_id = :user_id AND substr(id, 1, length(:beginning)) = :beginning

-- name: summary_ids
SELECT id FROM condensed_summaries WHERE user_id = :user_id AND substr(id, 1, length(:beginning)) = :beginning

-- name: messages_of_session
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status FROM messages
WHERE user_id = :user_id AND session_id = :session_id ORDER BY seq

-- name: last_messages_of_session
-- The newest ones, newest first.
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status FROM messages
WHERE user_id = :user_id AND session_id = :session_id ORDER BY seq DESC LIMIT :n

-- name: messages_recent
-- Over all sessions, newest first.
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status FROM messages
WHERE user_id = :user_id ORDER BY seq DESC LIMIT :n

-- name: messages_uncondensed
-- What no summary stands for yet, oldest first: of what was said since then, and of journals brought along for it.
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status FROM messages
WHERE user_id = :user_id AND condensed_into IS NULL
    AND (created_at >= :since OR session_id IN (SELECT s.id FROM sessions s
        WHERE s.user_id = :user_id AND s.metadata LIKE '%"analysed": true%'))
ORDER BY seq

-- name: messages_uncondensed_newest
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status FROM messages
WHERE user_id = :user_id AND condensed_into IS NULL
    AND (created_at >= :since OR session_id IN (SELECT s.id FROM sessions s
        WHERE s.user_id = :user_id AND s.metadata LIKE '%"analysed": true%'))
ORDER BY seq DESC

-- name: uncondensed_length
-- In characters.
SELECT coalesce(sum(length(content)), 0) FROM messages WHERE user_id = :user_id AND condensed_into IS NULL

-- name: replies_unprocessed
-- Turns that have ended, or were cut off, and wait for their analysis, oldest first: of those since then, and, if they
-- are asked for (:journals is 1), of journals brought along for it, whatever day they are of.
SELECT id, session_id, role, content, psych_update, created_at, semantic_processed_at, status FROM messages
WHERE user_id = :user_id AND semantic_processed_at IS NULL AND role = 'emperor'
    AND (status <> 'streaming' OR created_at < :silent)
    AND CASE WHEN session_id IN (SELECT s.id FROM sessions s
            WHERE s.user_id = :user_id AND s.metadata LIKE '%"analysed": true%')
        THEN :journals = 1 ELSE created_at >= :since END
ORDER BY seq LIMIT :n

-- name: has_journals_unprocessed
-- Of somebody who lets them be analysed.
SELECT 1 FROM messages
WHERE user_id = :user_id AND semantic_processed_at IS NULL AND role = 'emperor' AND status <> 'streaming'
    AND session_id IN (SELECT s.id FROM sessions s WHERE s.user_id = :user_id AND s.metadata LIKE '%"analysed": true%')
    AND EXISTS (SELECT 1 FROM users u WHERE u.id = :user_id AND u.consent_at IS NOT NULL AND u.paused_at IS NULL)
LIMIT 1

-- name: past_turns
-- Of what was said before that moment, journals brought along to be analysed left out: all turns, and those that wait
-- for nothing.
SELECT count(*), count(semantic_processed_at) FROM messages
WHERE user_id = :user_id AND role = 'emperor' AND status <> 'streaming' AND created_at < :since
    AND session_id NOT IN (SELECT s.id FROM sessions s
        WHERE s.user_id = :user_id AND s.metadata LIKE '%"analysed": true%')

-- name: message_before
-- What the person said that this reply answers.
SELECT b.id, b.session_id, b.role, b.content, b.psych_update, b.created_at, b.semantic_processed_at, b.status
FROM messages m JOIN messages b ON b.user_id = m.user_id AND b.session_id = m.session_id AND b.seq < m.seq
WHERE m.user_id = :user_id AND m.id = :id AND b.role = 'user' ORDER BY b.seq DESC LIMIT 1

-- name: set_processed
UPDATE messages SET psych_update = coalesce(:psych_update, psych_update), semantic_processed_at = :at,
    status = CASE WHEN status = 'streaming' THEN 'stopped' ELSE status END
WHERE user_id = :user_id AND id = :id AND semantic_processed_at IS NULL RETURNING id

-- name: mark_processed
UPDATE messages SET semantic_processed_at = :at WHERE user_id = :user_id AND id = :id

-- name: summary_of_message
SELECT condensed_into FROM messages WHERE user_id = :user_id AND id = :id

-- name: blank_analysis
UPDATE messages SET psych_update = NULL WHERE user_id = :user_id AND id = :id

-- name: untitle_session
UPDATE sessions SET title = NULL WHERE user_id = :user_id AND id = :id

-- name: set_condensed
-- Nothing comes back if it is gone, or stood for already.
UPDATE messages SET condensed_into = :summary WHERE user_id = :user_id AND id = :id AND condensed_into IS NULL
RETURNING id

-- name: analyses
-- Of all turns that have one, oldest first.
SELECT created_at, psych_update FROM messages
WHERE user_id = :user_id AND psych_update IS NOT NULL ORDER BY seq

-- name: delete_message
DELETE FROM messages WHERE user_id = :user_id AND id = :id

-- name: has_interrupted_replies
SELECT 1 FROM messages WHERE user_id = :user_id AND status = 'streaming' AND created_at < :before LIMIT 1

-- name: interrupted_replies
-- Replies that a crash cut off: what was kept of them stays, as stopped.
UPDATE messages SET status = 'stopped' WHERE user_id = :user_id AND status = 'streaming' AND created_at < :before

-- name: add_insight
INSERT INTO semantic_insights (user_id, id, source_message_id, assertion, confidence, created_at, edited_at)
VALUES (:user_id, :id, :source_message_id, :assertion, :confidence, :created_at, :edited_at)

-- name: insights
SELECT id, user_id, source_message_id, assertion, confidence, created_at, edited_at FROM semantic_insights
WHERE user_id = :user_id ORDER BY created_at DESC, id LIMIT :n

-- name: insight_by_id
SELECT id, user_id, source_message_id, assertion, confidence, created_at, edited_at FROM semantic_insights
WHERE user_id = :user_id AND id = :id

-- name: insights_from
SELECT id, user_id, source_message_id, assertion, confidence, created_at, edited_at FROM semantic_insights
WHERE user_id = :user_id AND source_message_id = :message_id ORDER BY created_at, id

-- name: insight_sources
-- What the person said that an insight was taken from. Earlier programs named the reply to it instead.
SELECT i.id, b.id, b.session_id, b.content
FROM semantic_insights i JOIN messages m ON m.user_id = i.user_id AND m.id = i.source_message_id
JOIN messages b ON b.user_id = m.user_id AND b.id = CASE WHEN m.role = 'user' THEN m.id ELSE (
    SELECT c.id FROM messages c WHERE c.user_id = m.user_id AND c.session_id = m.session_id AND c.seq < m.seq
        AND c.role = 'user' ORDER BY c.seq DESC LIMIT 1) END
WHERE i.user_id = :user_id

-- name: update_insight
UPDATE semantic_insights SET assertion = :assertion, confidence = :confidence, edited_at = :edited_at
WHERE user_id = :user_id AND id = :id

-- name: delete_insight
DELETE FROM semantic_insights WHERE user_id = :user_id AND id = :id

-- name: add_summary
INSERT INTO condensed_summaries (user_id, id, level, content, period_start, period_end, source_message_count,
    source_word_count, source_summary_ids, consensus_log, created_at, condensed_into)
VALUES (:user_id, :id, :level, :content, :period_start, :period_end, :source_message_count,
    :source_word_count, :source_summary_ids, :consensus_log, :created_at, :condensed_into)

-- name: summaries
SELECT id, user_id, level, content, period_start, period_end, source_message_count, source_word_count,
    source_summary_ids, consensus_log, created_at, condensed_into
FROM condensed_summaries WHERE user_id = :user_id ORDER BY period_start, level, id

-- name: summaries_active
-- Those that no other stands for.
SELECT id, user_id, level, content, period_start, period_end, source_message_count, source_word_count,
    source_summary_ids, consensus_log, created_at, condensed_into
FROM condensed_summaries WHERE user_id = :user_id AND condensed_into IS NULL ORDER BY period_start, level, id

-- name: summaries_active_newest
SELECT id, user_id, level, content, period_start, period_end, source_message_count, source_word_count,
    source_summary_ids, consensus_log, created_at, condensed_into
FROM condensed_summaries WHERE user_id = :user_id AND condensed_into IS NULL
ORDER BY period_start DESC, level DESC, id DESC LIMIT :n

-- name: set_summary_condensed
-- Nothing comes back if it is gone, or stood for already.
UPDATE condensed_summaries SET condensed_into = :summary
WHERE user_id = :user_id AND id = :id AND condensed_into IS NULL RETURNING id

-- name: release_condensed_messages
UPDATE messages SET condensed_into = NULL WHERE user_id = :user_id AND condensed_into = :summary

-- name: release_condensed_summaries
UPDATE condensed_summaries SET condensed_into = NULL WHERE user_id = :user_id AND condensed_into = :summary

-- name: delete_summary
DELETE FROM condensed_summaries WHERE user_id = :user_id AND id = :id

-- name: add_profile
INSERT INTO profiles (user_id, id, version, content, consensus_log, created_at)
VALUES (:user_id, :id, :version, :content, :consensus_log, :created_at)

-- name: profiles
-- Newest version first.
SELECT id, user_id, version, content, consensus_log, created_at FROM profiles WHERE user_id = :user_id
ORDER BY version DESC, created_at DESC LIMIT :n

-- name: delete_profile
DELETE FROM profiles WHERE user_id = :user_id AND id = :id

-- name: add_referral
INSERT INTO referrals (id, day, category, level) VALUES (:id, :day, :category, :level)

-- name: referrals
SELECT day, category, level, count(*) FROM referrals GROUP BY day, category, level ORDER BY day, category, level

-- name: sources_of_transfers
-- What the past was brought from, as each migration noted it.
SELECT source FROM capsa_transfers WHERE owner = :owner

-- name: things
-- Everything that a person can have erased by itself: where it is, its id, what it belongs to, and its time.
SELECT 'messages', id, session_id, created_at FROM messages WHERE user_id = :user_id
UNION ALL SELECT 'sessions', id, NULL, created_at FROM sessions WHERE user_id = :user_id
UNION ALL SELECT 'semantic_insights', id, source_message_id, created_at FROM semantic_insights WHERE user_id = :user_id
UNION ALL SELECT 'condensed_summaries', id, NULL, period_start FROM condensed_summaries WHERE user_id = :user_id
UNION ALL SELECT 'profiles', id, NULL, created_at FROM profiles WHERE user_id = :user_id

-- name: erase_messages
DELETE FROM messages WHERE user_id = :user_id RETURNING 1

-- name: erase_insights
DELETE FROM semantic_insights WHERE user_id = :user_id RETURNING 1

-- name: erase_summaries
DELETE FROM condensed_summaries WHERE user_id = :user_id RETURNING 1

-- name: erase_profiles
DELETE FROM profiles WHERE user_id = :user_id RETURNING 1

-- name: erase_sessions
DELETE FROM sessions WHERE user_id = :user_id RETURNING 1

-- name: erase_user
DELETE FROM users WHERE id = :user_id RETURNING 1

-- name: add_erased
INSERT INTO erased (user_id, kind, mark) VALUES (:user_id, :kind, :mark) ON CONFLICT (user_id, kind, mark) DO NOTHING

-- name: clear_erased
DELETE FROM erased WHERE user_id = :user_id

-- name: all_erased
-- Of everybody: for a migration.
SELECT user_id, kind, mark FROM erased

-- name: add_origin
INSERT INTO origins (keeper, id, location, brought_at, zone, left_out)
VALUES (:keeper, :id, :location, :brought_at, :zone, :left_out)

-- name: origins
SELECT location, zone, left_out FROM origins WHERE keeper = :keeper ORDER BY brought_at

-- name: put_aside
-- What migrations could not carry, as it was in the source.
SELECT transfer, part, source_key, reason, content FROM capsa_quarantine
WHERE owner = :owner ORDER BY transfer, part, source_key

-- name: delete_put_aside
DELETE FROM capsa_quarantine
WHERE owner = :owner AND transfer = :transfer AND part = :part AND source_key = :source_key
