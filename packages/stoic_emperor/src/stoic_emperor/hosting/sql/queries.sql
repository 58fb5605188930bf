-- The statements of hosting, the same in both dialects. Each names the owner of the rows it touches: a person, a login,
-- or the house.

-- Accounts

-- name: add_known_user
INSERT INTO users (id, name, created_at) VALUES (:owner, :name, :at) ON CONFLICT DO NOTHING

-- name: add_account
INSERT INTO accounts (user_id, login, password_hash, provider, created_at)
VALUES (:owner, :login, :password_hash, :provider, :at) ON CONFLICT DO NOTHING

-- name: account
SELECT user_id, login, provider, created_at, adult_at FROM accounts WHERE user_id = :owner

-- name: password_hash
SELECT password_hash FROM accounts WHERE user_id = :owner

-- name: set_password_hash
UPDATE accounts SET password_hash = :password_hash WHERE user_id = :owner AND password_hash IS NOT NULL

-- name: confirm_adult
UPDATE accounts SET adult_at = :at WHERE user_id = :owner AND adult_at IS NULL

-- name: delete_account
DELETE FROM accounts WHERE user_id = :owner RETURNING 1

-- name: delete_known_user
DELETE FROM users WHERE id = :owner

-- name: claim_first_account
-- Once in the life of a house.
INSERT INTO tallies (keeper, day, what, count) VALUES (:owner, '', 'first account', 1)
ON CONFLICT DO NOTHING RETURNING 1

-- name: first_account
SELECT 1 FROM tallies WHERE keeper = :owner AND day = '' AND what = 'first account'

-- Logins: the owner is what is typed

-- name: add_login
INSERT INTO logins (login, user_id) VALUES (:owner, :user_id) ON CONFLICT DO NOTHING RETURNING 1

-- name: login
SELECT user_id FROM logins WHERE login = :owner

-- name: take_over_login
-- Of an account that is no more.
UPDATE logins SET user_id = :user_id, failures = 0, locked_until = NULL
WHERE login = :owner AND user_id = :gone RETURNING 1

-- name: count_try
-- Counted before the password is looked at, so that tries at the same time are not more tries. Nothing if it is locked.
UPDATE logins SET failures = failures + 1
WHERE login = :owner AND (locked_until IS NULL OR locked_until <= :at) RETURNING user_id, failures

-- name: lock_login
UPDATE logins SET locked_until = :until WHERE login = :owner

-- name: unlock_login
UPDATE logins SET failures = 0, locked_until = NULL WHERE login = :owner

-- name: delete_login
DELETE FROM logins WHERE login = :owner AND user_id = :user_id RETURNING 1

-- Recovery codes

-- name: add_recovery_code
INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES (:owner, :code_hash, :at)

-- name: use_recovery_code
DELETE FROM recovery_codes WHERE user_id = :owner AND code_hash = :code_hash RETURNING 1

-- name: count_recovery_codes
SELECT count(*) FROM recovery_codes WHERE user_id = :owner

-- name: recovery_codes_made_at
SELECT max(created_at) FROM recovery_codes WHERE user_id = :owner

-- name: delete_recovery_codes
DELETE FROM recovery_codes WHERE user_id = :owner RETURNING 1

-- Sign-ins

-- name: add_sign_in
INSERT INTO sign_ins (user_id, id, secret_hash, created_at, rotated_at, seen_at, browser)
VALUES (:owner, :id, :secret_hash, :at, :at, :at, :browser)

-- name: sign_in
SELECT s.id, s.browser, s.created_at, s.seen_at, s.rotated_at, s.confirmed_at, s.secret_hash, s.previous_hash,
    a.user_id, a.login, a.provider, a.created_at, a.adult_at
FROM sign_ins s JOIN accounts a ON a.user_id = s.user_id
WHERE s.user_id = :owner AND s.id = :id

-- name: sign_ins
SELECT id, browser, created_at, seen_at FROM sign_ins WHERE user_id = :owner ORDER BY seen_at DESC, id

-- name: rotate_sign_in
-- Whichever of several requests comes first.
UPDATE sign_ins SET previous_hash = secret_hash, secret_hash = :next_hash, rotated_at = :at, confirmed_at = NULL,
    seen_at = :at
WHERE user_id = :owner AND id = :id AND secret_hash = :secret_hash

-- name: confirm_sign_in
UPDATE sign_ins SET confirmed_at = :at, seen_at = :at
WHERE user_id = :owner AND id = :id AND secret_hash = :secret_hash AND confirmed_at IS NULL

-- name: see_sign_in
UPDATE sign_ins SET seen_at = :at WHERE user_id = :owner AND id = :id AND seen_at < :at

-- name: end_sign_in
DELETE FROM sign_ins WHERE user_id = :owner AND id = :id RETURNING 1

-- name: end_other_sign_ins
DELETE FROM sign_ins WHERE user_id = :owner AND id <> :id RETURNING 1

-- name: end_old_sign_ins
DELETE FROM sign_ins WHERE user_id = :owner AND (seen_at <= :unseen_since OR created_at <= :older_than)

-- name: end_sign_ins
DELETE FROM sign_ins WHERE user_id = :owner RETURNING 1

-- Erasing

-- name: erase_usage
DELETE FROM usage WHERE user_id = :owner RETURNING 1

-- name: erase_uploads
DELETE FROM uploads WHERE user_id = :owner RETURNING 1

-- name: erase_waiting
-- Of the house, about one person.
DELETE FROM waiting WHERE keeper = :owner AND user_id = :user_id RETURNING 1

-- Usage

-- name: replies_of_day
SELECT replies FROM usage WHERE user_id = :owner AND day = :day

-- name: take_replies
-- Counted before a model is asked, so that requests at the same time are not more requests. Nothing if it were too many.
INSERT INTO usage (user_id, day, replies) VALUES (:owner, :day, :n)
ON CONFLICT (user_id, day) DO UPDATE SET replies = usage.replies + :n WHERE usage.replies + :n <= :most
RETURNING replies

-- name: forget_old_usage
DELETE FROM usage WHERE user_id = :owner AND day < :day

-- Uploads

-- name: add_upload
INSERT INTO uploads (user_id, id, kind, name, about, size, created_at)
VALUES (:owner, :id, :kind, :name, :about, 0, :at)

-- name: add_upload_part
INSERT INTO upload_parts (user_id, upload_id, part, content) VALUES (:owner, :id, :part, :content)

-- name: upload_received
UPDATE uploads SET state = 'waiting', size = :size WHERE user_id = :owner AND id = :id

-- name: upload
SELECT id, kind, name, about, size, state, done, total, report, created_at, finished_at FROM uploads
WHERE user_id = :owner AND id = :id

-- name: uploads
SELECT id, kind, name, about, size, state, done, total, report, created_at, finished_at FROM uploads
WHERE user_id = :owner AND state <> 'receiving' ORDER BY created_at DESC, id LIMIT :n

-- name: uploads_unread
-- The oldest first; what a process was reading when it ended is among them.
SELECT id, kind, name, about, size, state, done, total, report, created_at, finished_at FROM uploads
WHERE user_id = :owner AND state IN ('waiting', 'working') ORDER BY created_at, id LIMIT :n

-- name: size_of_unread
SELECT coalesce(sum(length(content)), 0) FROM upload_parts WHERE user_id = :owner

-- name: upload_part
SELECT content FROM upload_parts WHERE user_id = :owner AND upload_id = :id AND part = :part

-- name: upload_progress
UPDATE uploads SET state = 'working', done = :done, total = :total
WHERE user_id = :owner AND id = :id AND state IN ('waiting', 'working') RETURNING 1

-- name: finish_upload
UPDATE uploads SET state = :state, report = :report, done = total, finished_at = :at
WHERE user_id = :owner AND id = :id RETURNING 1

-- name: delete_upload_parts
DELETE FROM upload_parts WHERE user_id = :owner AND upload_id = :id

-- name: delete_upload
DELETE FROM uploads WHERE user_id = :owner AND id = :id RETURNING 1

-- name: delete_abandoned_parts
-- Of uploads that were broken off while they came.
DELETE FROM upload_parts WHERE user_id = :owner AND upload_id IN (
    SELECT id FROM uploads WHERE user_id = :owner AND state = 'receiving' AND created_at < :before)

-- name: delete_abandoned_uploads
DELETE FROM uploads WHERE user_id = :owner AND state = 'receiving' AND created_at < :before

-- name: erase_upload_parts
DELETE FROM upload_parts WHERE user_id = :owner RETURNING 1

-- Waiting: of the house

-- name: put_waiting
-- What waits already keeps its place. What somebody works on just now is marked as asked for anew, by its `since`.
INSERT INTO waiting (keeper, user_id, task, since, failures, due) VALUES (:owner, :user_id, :task, :at, 0, :due)
ON CONFLICT (keeper, user_id, task) DO UPDATE SET
    since = CASE WHEN waiting.taken IS NULL THEN waiting.since ELSE excluded.since END,
    due = CASE WHEN waiting.failures = 0 AND excluded.due < waiting.due THEN excluded.due ELSE waiting.due END

-- name: claim_waiting
-- The condition stands twice: of two processes that find the same row, the second looks at it again.
UPDATE waiting SET taken = :until
WHERE keeper = :owner AND due <= :at AND (taken IS NULL OR taken < :at) AND (user_id, task) IN (
    SELECT user_id, task FROM waiting
    WHERE keeper = :owner AND due <= :at AND (taken IS NULL OR taken < :at) ORDER BY due LIMIT :n)
RETURNING user_id, task, since, taken, failures

-- name: keep_waiting
-- Still worked on. Nothing if another process has taken it since.
UPDATE waiting SET taken = :until
WHERE keeper = :owner AND user_id = :user_id AND task = :task AND taken = :taken RETURNING taken

-- name: done_waiting
DELETE FROM waiting
WHERE keeper = :owner AND user_id = :user_id AND task = :task AND taken = :taken AND since = :since

-- name: release_waiting
UPDATE waiting SET taken = NULL, failures = :failures, due = :due
WHERE keeper = :owner AND user_id = :user_id AND task = :task AND taken = :taken

-- name: waiting_of
SELECT task FROM waiting WHERE keeper = :owner AND user_id = :user_id ORDER BY task

-- name: waiting_counts
SELECT task, count(*), sum(CASE WHEN failures > 0 THEN 1 ELSE 0 END) FROM waiting
WHERE keeper = :owner GROUP BY task ORDER BY task

-- name: most_overdue
SELECT min(due) FROM waiting WHERE keeper = :owner AND due <= :at AND (taken IS NULL OR taken < :at)

-- Tallies: of the house

-- name: tally
INSERT INTO tallies (keeper, day, what, count) VALUES (:owner, :day, :what, :n)
ON CONFLICT (keeper, day, what) DO UPDATE SET count = tallies.count + :n

-- name: tallies
SELECT day, what, count FROM tallies WHERE keeper = :owner AND day >= :since ORDER BY day DESC, what
