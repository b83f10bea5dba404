#!/bin/sh
# SPDX-License-Identifier: MIT
# Real programs: each does its work plainly and under the shim at two thresholds, and has to print
# the same.  Those that are not installed are skipped, and said to be.
#
#   make check-programs                          all, in about ten minutes
#   make check-programs PROGRAMS="git redis"     only these
#   make check-programs LONG=1                   for a night
#
# ./bootstrap packages programs installs what Debian has of them.
srcdir=${srcdir:-.}
self=$(realpath "$0")
long=${LONG:-0}

# amount SHORT LONG: how much of something
amount() { if [ "$long" = 0 ]; then echo "$1"; else echo "$2"; fi; }

# fill FILE MIB SEED: bytes that are always the same and do not compress well
fill() {
	/usr/bin/python3 - "$1" "$2" "$3" <<-'EOF'
		import random, sys
		r = random.Random(int(sys.argv[3]))
		with open(sys.argv[1], "wb") as f:
		    for _ in range(int(sys.argv[2])):
		        f.write(r.randbytes(1 << 20))
	EOF
}

# user_for NAME: what runs a command as the user that this program wants
user_for() { if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then echo runuser -u postgres --; fi; }

# The programs.  need_NAME: what must be there.  do_NAME: in an empty directory, print what must
# not change. ---------------------------------------------------------------------------------

need_python() { /usr/bin/python3 -c 'import test.test_array' 2>&1; }
do_python() {
	modules="test_array test_bytes test_mmap test_memoryview test_list test_zlib \
		test_hashlib test_pickle test_struct test_fork1 test_ctypes test_buffer"
	[ "$long" = 0 ] || modules="--all -x test_gdb test_socket test_ssl test_asyncio"
	# shellcheck disable=SC2086
	/usr/bin/python3 -m test -q ${modules#--all} >log 2>&1
	echo "exit status $?"
	grep -E '^(Tests result|FAIL|ERROR)|^ +test_|tests? failed' log
	cat log >&2
}

need_numpy() { /usr/bin/python3 -c 'import numpy' 2>&1; }
do_numpy() {
	/usr/bin/python3 - <<-'EOF'
		import hashlib, multiprocessing, numpy as np
		def work(k):
		    r = np.random.default_rng(k)
		    a = r.integers(0, 1 << 40, 3_000_000)
		    b = np.sort(a)[::-1].copy()
		    c = (a * 3 + b) % 1009
		    d = np.concatenate([c, a, b]).astype(np.int32)
		    d.resize(5_000_000, refcheck=False)
		    return hashlib.sha256(d.tobytes()).hexdigest()
		with multiprocessing.get_context("fork").Pool(3) as pool:
		    print(*pool.map(work, range(6)), work(7), sep="\n")
	EOF
}

need_stress() { command -v stress-ng; }
do_stress() {
	n=$(amount 1 20)
	for one in "malloc 2 --malloc-ops $((20000 * n))" "malloc 2 --malloc-bytes 64m --malloc-ops $((5000 * n))" \
		"mremap 1 --mremap-ops $((2 * n))" "vm 1 --vm-bytes 64m --vm-ops $((500 * n))" \
		"madvise 1 --madvise-ops $((20 * n))" "mlock 1 --mlock-ops $((2000 * n))" \
		"fork 1 --fork-ops $((300 * n))" "qsort 1 --qsort-ops $((5 * n))" \
		"zlib 1 --zlib-ops $((20 * n))" "bigheap 1 --bigheap-ops $((2000 * n))" \
		"matrix 1 --matrix-ops $((200 * n))" "resources 1 --resources-ops $((20 * n))"; do
		# shellcheck disable=SC2086
		stress-ng --verify --temp-path . --$one >log 2>&1
		echo "${one%% *}: $?"
		cat log >&2
	done
}

need_git() { command -v git; }
do_git() {
	git init -q repository && cd repository || return
	for i in 1 2 3 4 5 6; do
		fill big $((4 + i)) "$i"
		seq $((i * 100000)) >lines
		git add -A
		GIT_AUTHOR_DATE="$((1700000000 + i)) +0000" GIT_COMMITTER_DATE="$((1700000000 + i)) +0000" \
			git -c user.name=n -c user.email=e commit -q -m "$i"
	done
	git repack -q -adf --depth=50 --window="$(amount 10 200)"
	git fsck --full 2>&1
	git rev-parse HEAD
	git cat-file --batch-all-objects --batch-check
}

need_sqlite() { command -v sqlite3; }
do_sqlite() {
	sqlite3 file.db <<-EOF
		pragma cache_size = -65536;
		create table t (k integer primary key, a integer, b text);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < $(amount 400000 8000000))
		insert into t select i, (i * 7919) % 1000003, printf('%032d', i * i % 999983) from n;
		create index ta on t (a);
		create index tb on t (b);
		delete from t where a % 7 = 0;
		vacuum;
		pragma integrity_check;
		select count(*), sum(a), min(b), max(b), sum(k * a % 1000003) from t;
		select a, b from t order by b, a limit 5;
	EOF
}

need_gcc() { command -v g++; }
do_gcc() {
	/usr/bin/python3 - "$(amount 60 3000)" >big.cc <<-'EOF'
		import sys
		print("#include <map>\n#include <string>\n#include <vector>\n#include <algorithm>")
		for i in range(int(sys.argv[1])):
		    print(f"""struct s{i} {{ int a[{i % 17 + 1}]; std::map<int, std::string> m; }};
		long f{i}(std::vector<s{i}> &v) {{ long n = 0; for (auto &x : v) n += x.m.size() * x.a[0];
		std::sort(v.begin(), v.end(), [](auto &p, auto &q) {{ return p.a[0] < q.a[0]; }}); return n; }}""")
	EOF
	g++ -O2 -c big.cc -o big.o && sha256sum big.o
}

need_postgres() { ls /usr/lib/postgresql/*/bin/postgres && $(user_for postgres) test -x "$run" -a -r "$self"; }
do_postgres() {
	for bin in /usr/lib/postgresql/*/bin; do :; done
	"$bin/initdb" -D pg -A trust -E UTF8 --locale=C >&2
	cat >>pg/postgresql.conf <<-EOF
		listen_addresses = ''
		unix_socket_directories = '$PWD/pg'
		work_mem = 256MB
		maintenance_work_mem = 256MB
		max_parallel_workers_per_gather = 2
		fsync = off
	EOF
	"$bin/pg_ctl" -D pg -l pg/log -w start >&2
	psql -q -At -h "$PWD/pg" postgres <<-EOF
		create table t as select i, md5(i::text) as m, i * 7919 % 1000003 as a from generate_series(1, $(amount 500000 10000000)) i;
		create index on t (m);
		select count(*), md5(string_agg(m, '' order by a, i)) from t;
		select a % 10, count(*), sum(i), max(m) from t group by 1 order by 1;
		select count(*) from (select distinct m from t) x;
		select md5(string_agg(x, '')) from (select repeat(m, 40) as x from t order by m limit 50000) y;
	EOF
	"$bin/pg_ctl" -D pg -m fast -w stop >&2
	grep -E 'PANIC|FATAL|terminated by signal' pg/log
	cat pg/log >&2
}

need_redis() { command -v redis-server && command -v redis-cli; }
do_redis() {
	redis-server --port 0 --unixsocket "$PWD/s" --dir "$PWD" --daemonize no --save "" >log 2>&1 &
	server=$!
	while ! redis-cli -s s ping >/dev/null 2>&1; do sleep 0.1; done
	redis-cli -s s debug jmap >/dev/null 2>&1
	fill value 3 9
	base64 -w0 value >text
	for i in $(seq "$(amount 20 200)"); do
		redis-cli -s s -x set "big$i" <text >/dev/null
		redis-cli -s s append "big$i" "$i" >/dev/null
		[ $((i % 5)) != 0 ] || redis-cli -s s bgsave >/dev/null
	done
	redis-cli -s s eval "for i = 1, 200000 do redis.call('rpush', 'list', i * i) end" 0
	while [ "$(redis-cli -s s info persistence | grep -c 'rdb_bgsave_in_progress:1')" = 1 ]; do sleep 0.1; done
	redis-cli -s s info persistence | grep rdb_last_bgsave_status
	redis-cli -s s save
	redis-cli -s s eval "local n = 0 for _, k in ipairs(redis.call('keys', 'big*')) do n = n + redis.call('strlen', k) end return n" 0
	redis-cli -s s get big7 | sha256sum
	redis-cli -s s llen list
	redis-cli -s s shutdown nosave
	wait $server
	echo "exit status $?"
	redis-server --port 0 --unixsocket "$PWD/s" --dir "$PWD" --save "" >>log 2>&1 &
	server=$!
	while ! redis-cli -s s ping >/dev/null 2>&1; do sleep 0.1; done
	redis-cli -s s get big7 | sha256sum
	redis-cli -s s shutdown nosave
	wait $server
	cat log >&2
}

need_nginx() { command -v nginx && command -v curl; }
do_nginx() {
	mkdir root logs
	fill root/big 16 3
	cat >conf <<-EOF
		daemon off;
		pid $PWD/pid;
		error_log $PWD/logs/error;
		events { }
		http {
			access_log off;
			client_body_temp_path $PWD/body;
			proxy_temp_path $PWD/proxy;
			fastcgi_temp_path $PWD/f;
			uwsgi_temp_path $PWD/u;
			scgi_temp_path $PWD/g;
			sendfile off;
			output_buffers 4 1m;
			gzip on;
			gzip_types *;
			gzip_buffers 64 512k;
			server { listen unix:$PWD/s; root $PWD/root; }
		}
	EOF
	chmod 777 . root
	nginx -e "$PWD/logs/error" -c "$PWD/conf" &
	server=$!
	while [ ! -S s ]; do sleep 0.1; done
	for _ in $(seq "$(amount 5 100)"); do
		curl -s --unix-socket s http://h/big | sha256sum
		curl -s --compressed --unix-socket s http://h/big | sha256sum
	done
	kill -QUIT $server
	wait $server
	echo "exit status $?"
	cat logs/error >&2
}

need_node() { command -v node; }
do_node() {
	node - "$(amount 6 100)" <<-'EOF'
		const crypto = require("crypto"), zlib = require("zlib");
		const n = +process.argv[2];
		let kept = [];
		for (let i = 0; i < n; i++) {
		    const b = Buffer.alloc(3e6 + i * 777777, i);
		    const z = zlib.gzipSync(b), u = zlib.gunzipSync(z);
		    const m = new WebAssembly.Memory({ initial: 10 });
		    m.grow(200 + i);
		    const f = new Float64Array(1e6).map((_, k) => (k * 7919) % 10007).sort();
		    kept.push(f.subarray(5, 50));
		    console.log(crypto.createHash("sha256").update(u).digest("hex"), m.buffer.byteLength, f[5000]);
		}
		console.log(kept.reduce((s, f) => s + f[3], 0));
	EOF
}

need_java() { command -v javac && command -v java; }
do_java() {
	cat >Main.java <<-'EOF'
		import java.nio.ByteBuffer;
		import java.util.*;
		import java.util.zip.*;
		public class Main {
		    public static void main(String[] a) throws Exception {
		        int n = Integer.parseInt(a[0]);
		        long sum = 0;
		        List<ByteBuffer> kept = new ArrayList<>();
		        for (int i = 0; i < n; i++) {
		            ByteBuffer b = ByteBuffer.allocateDirect(2_000_000 + i * 99_991);
		            for (int k = 0; k + 8 <= b.capacity(); k += 4096) b.putLong(k, k * 31L + i);
		            if (i % 3 == 0) kept.add(b);
		            CRC32 c = new CRC32();
		            c.update(b);
		            Deflater d = new Deflater();
		            byte[] in = new byte[1 << 20], out = new byte[1 << 20];
		            for (int k = 0; k < in.length; k++) in[k] = (byte) (k * k >> 7);
		            d.setInput(in);
		            d.finish();
		            sum += c.getValue() + d.deflate(out);
		            d.end();
		        }
		        System.out.println(sum + " " + kept.size());
		    }
		}
	EOF
	javac Main.java && java -Xmx256m Main "$(amount 40 2000)"
}

need_r() { command -v Rscript; }
do_r() {
	Rscript --vanilla - "$(amount 1 20)" <<-'EOF'
		n <- as.integer(commandArgs(TRUE)[1])
		set.seed(1)
		for (i in seq_len(3 * n)) {
		    x <- matrix(rnorm(400 * 400), 400)
		    y <- solve(crossprod(x) + diag(400))
		    cat(sprintf("%.6e %.6e\n", sum(y), sum(diag(y))))
		    v <- c()
		    for (k in 1:40) v <- c(v, runif(20000))
		    d <- data.frame(g = sample(letters, 8e5, TRUE), v = v)
		    print(head(aggregate(v ~ g, d, mean), 3), digits = 8)
		}
		z <- serialize(d, NULL)
		print(length(z))
		print(identical(unserialize(z), d))
	EOF
}

need_octave() { command -v octave-cli; }
do_octave() {
	octave-cli --norc --eval "rand('twister', 1); for i = 1:$(amount 4 100), a = rand(500); b = a * a' + eye(500); \
		printf('%.6e %.6e\n', sum(sum(inv(b))), det(b / 100)); s = sort(rand(1, 2e6)); printf('%.9f\n', s(1000)); \
		c = []; for k = 1:60, c = [c, rand(1, 20000)]; end; printf('%.9f\n', sum(c)); end"
}

need_ffmpeg() { command -v ffmpeg; }
do_ffmpeg() {
	n=$(amount 4 60)
	ffmpeg -v error -bitexact -threads 2 -f lavfi -i "testsrc2=s=1920x1080:d=$n:r=10" -f lavfi -i "sine=d=$n" \
		-c:v mpeg4 -q:v 4 -c:a flac -y out.mkv 2>&1
	ffmpeg -v error -bitexact -i out.mkv -vf "scale=1280:720,rotate=0.1,gblur=3" -f framemd5 - 2>&1
}

need_imagemagick() { command -v convert; }
do_imagemagick() {
	convert -size 1500x1000 gradient:red-blue -swirl 200 -wave 20x300 a.png
	for _ in $(seq "$(amount 1 20)"); do
		convert a.png -resize 150% -blur 0x3 -rotate 17 -sharpen 0x1 b.png
		identify -format '%wx%h %#\n' b.png
	done
}

need_compressors() { command -v xz && command -v zstd; }
do_compressors() {
	fill a 8 1
	cat a a a >data
	for _ in $(seq "$(amount 1 20)"); do
		xz -T2 -6 -k -c data >data.xz && xz -dc data.xz | sha256sum
		zstd -q -T2 --long=27 -12 -f data -o data.zst && zstd -q -dc --long=27 data.zst | sha256sum
		bzip2 -k -c a >a.bz2 && bzip2 -dc a.bz2 | sha256sum
	done
	sha256sum data.xz a.bz2
}

need_mpi() { command -v mpicc && command -v mpirun; }
do_mpi() {
	cat >exchange.c <<-'EOF'
		#include <mpi.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		int main(int argc, char **argv)
		{
			int rank, n = atoi(argv[1]), bad = 0;
			MPI_Init(&argc, &argv);
			MPI_Comm_rank(MPI_COMM_WORLD, &rank);
			for (int i = 0; i < n; i++) {
				size_t len = 300000 + (size_t)i * 7919 % 5000000;
				unsigned char *out = malloc(len), *in = malloc(len);
				memset(out, rank * 100 + i % 100, len);
				MPI_Sendrecv(out, (int)len, MPI_BYTE, 1 - rank, 0, in, (int)len, MPI_BYTE, 1 - rank,
					     0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
				for (size_t k = 0; k < len; k += 511)
					bad += in[k] != (1 - rank) * 100 + i % 100;
				in = realloc(in, 2 * len);
				memset(in, 1, 2 * len);
				free(out);
				free(in);
			}
			printf("%d wrong bytes\n", bad);
			MPI_Finalize();
			return bad != 0;
		}
	EOF
	mpicc -O1 exchange.c -o exchange &&
		mpirun --allow-run-as-root --oversubscribe -n 2 ./exchange "$(amount 300 5000)" 2>&1
}

need_mariadb() { command -v mariadbd && command -v mariadb-install-db && command -v mariadb; }
do_mariadb() {
	me=$(id -un)
	mariadb-install-db --no-defaults --user="$me" --datadir="$PWD/data" --auth-root-authentication-method=normal >&2
	mariadbd --no-defaults --user="$me" --datadir="$PWD/data" --socket="$PWD/s" --skip-networking \
		--pid-file="$PWD/pid" --sort-buffer-size=64M --innodb-buffer-pool-size=128M >log 2>&1 &
	server=$!
	for _ in $(seq 300); do mariadb -S s -e 'select 1' >/dev/null 2>&1 && break; sleep 0.1; done
	mariadb -S s -N test <<-EOF
		create table t (i int primary key, m char(32), a int, key (m));
		insert into t select seq, md5(seq), seq * 7919 % 1000003 from seq_1_to_$(amount 200000 3000000);
		select count(*), sum(a), md5(group_concat(m order by a, i)) from t where i < 3000;
		select a % 5, count(*), max(m) from t group by 1 order by 1;
		select sum(crc32(m)) from (select m from t order by m, a limit 100000) x;
		check table t;
	EOF
	mariadb-admin -S s shutdown
	wait $server
	echo "exit status $?"
	cat log >&2
}

all="python numpy stress git sqlite gcc postgres redis nginx node java r octave ffmpeg imagemagick \
compressors mpi mariadb"

# Running them. ---------------------------------------------------------------------------------

# Again by this script, with the name of a program and under the shim or not: the work itself.
if [ "$1" = --work ]; then
	"do_$2"
	exit
fi

run=$PWD/preload/pages-run
[ -x "$run" ] || { echo "not built: $run"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
chmod 777 "$tmp"
passed=0 failed=0

# work NAME HOW COMMAND...: output and log of the program, run by that command
work() {
	name=$1 how=$2
	shift 2
	mkdir -m 777 "$tmp/work"
	start=$(date +%s%N)
	# shellcheck disable=SC2046
	(cd "$tmp/work" && timeout "$(amount 300 7200)" $(user_for "$name") "$@" sh "$self" --work "$name" \
		>"$tmp/$how.out" 2>"$tmp/$how.log" </dev/null; echo "ended with $?" >>"$tmp/$how.out")
	ms=$((($(date +%s%N) - start) / 1000000))
	rm -rf "$tmp/work"
}

# at NAME THRESHOLD: under the shim; it must be the same as plainly, and large requests must come
at() {
	rm -f "$tmp/report"
	work "$1" "$2" "$run" -t "$2" --report="$tmp/report.json" --
	requests=$(sed -n 's/.*"requests": *\([0-9]*\).*/\1/p' "$tmp/report.json" 2>/dev/null |
		awk '{ n += $1 } END { print n + 0 }')
	rm -f "$tmp/report.json"
	if ! cmp -s "$tmp/plain.out" "$tmp/$2.out"; then
		echo "not ok - $1 at $2: $ms ms, another output than plainly"
		diff "$tmp/plain.out" "$tmp/$2.out" | head -30
		tail -30 "$tmp/$2.log"
	elif [ "$requests" = 0 ]; then
		echo "not ok - $1 at $2: no large request came to the shim"
	else
		echo "ok - $1 at $2: $ms ms, plainly $plain ms, $requests large requests"
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
}

for name in ${PROGRAMS:-$all}; do
	why=$("need_$name" 2>&1) || {
		echo "skipped - $name: not installed"
		[ -z "$why" ] || echo "$why" | tail -1 | sed 's/^/	/'
		continue
	}
	work "$name" plain env
	plain=$ms
	if ! grep -q 'ended with 0' "$tmp/plain.out"; then
		echo "skipped - $name: it fails plainly"
		tail -n 5 "$tmp/plain.out"
		tail -n 5 "$tmp/plain.log"
		continue
	fi
	at "$name" 256K
	at "$name" 64K
done
echo "skipped - chromium, CRIU: not tried by this script"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
