# The checks and builds of Zabra, one word each.

GO ?= go
# More flags for go test: make interop TESTFLAGS=-v
TESTFLAGS ?=

.PHONY: build test full long simulate faults faults-long interop interop-long interop-install

# The one binary, in bin/zabra.
build:
	$(GO) build -o bin/zabra ./cmd/zabra

# What passes on a machine with nothing but Go. The interop tests skip themselves there.
test:
	$(GO) test -race ./...

# Everything in its long form, one after the other: four to five hours on two cores. What has no
# long form runs as in CI.
full: long simulate faults-long interop-long
	ZABRA_FUZZTIME=60s bash .ci/run format vet staticcheck modules generated test plant faults fuzz build docs

# The tests that draw at random, or break something again and again, many times: in the server and
# its log, and with the built binary killed, damaged and talked nonsense to.
long:
	ZABRA_LONG_TESTS=1 $(GO) test $(TESTFLAGS) -count=1 -timeout 6h ./server ./server/crashtest
	ZABRA_MODEL_SEEDS=300 $(GO) test $(TESTFLAGS) -count=1 -timeout 1h -run TestModel ./server/pipeline
	$(GO) test $(TESTFLAGS) -count=1 -timeout 1h -run TestCrashAtEveryChange ./server/txnlog -recoveries 100000
	$(GO) test $(TESTFLAGS) -count=1 -timeout 1h -run TestBitFlips ./server/txnlog -flips 30000
	$(GO) test $(TESTFLAGS) -count=1 -timeout 1h -run TestSimulation ./election -seeds 5000

# A night of simulated ensembles: more than 1,000,000 server-seconds in a quarter of an hour on two
# quiet cores. SIMFIRST=90000 takes other seeds.
SIMFIRST ?= 30000
SIMSEEDS ?= 2600
simulate:
	$(GO) test ./internal/sim -run 'TestSeeds$$' -v -timeout 12h -seeds $(SIMSEEDS) -first $(SIMFIRST) -keep-going 10

# Real ensembles in network namespaces, broken in every way there is, once; nothing may be
# skipped. Needs Linux and the right to make namespaces.
faults:
	ZABRA_FAULTS=required $(GO) test $(TESTFLAGS) -count=1 -parallel 4 -timeout 20m ./internal/netlab ./internal/faulttest

# The same at random for half an hour. FAULTSEED=100 begins with other faults.
FAULTSEED ?= 1
FAULTTIME ?= 30m
faults-long:
	ZABRA_FAULTS=required $(GO) test $(TESTFLAGS) -v -count=1 -run TestManyFaults -timeout 2h ./internal/faulttest -for $(FAULTTIME) -seed $(FAULTSEED)

# Real clients and servers that others wrote, against the built binary; nothing may be skipped.
interop: interop-install
	ZABRA_INTEROP=required $(GO) test $(TESTFLAGS) -count=1 -timeout 30m ./interop/...
	ZABRA_INTEROP=required $(GO) test $(TESTFLAGS) -count=1 -run TestApache ./server/peer

# The same with the differential test in its long form (100,000 requests).
interop-long: interop-install
	ZABRA_INTEROP=required ZABRA_INTEROP_LONG=1 $(GO) test $(TESTFLAGS) -count=1 -timeout 60m ./interop/...
	ZABRA_INTEROP=required $(GO) test $(TESTFLAGS) -count=1 -run TestApache ./server/peer

# Apache ZooKeeper and its C client, Curator and kazoo, installed into .interop/ (needs java, mvn, python3 and cc, and npm or apt-get).
interop-install:
	./interop/install.sh
