package zoocfg

import "github.com/zabra/zabra/quorum"

// The table. A row reads: key, kind, bounds, default, field, help.

func basicKeys() []Key {
	return inSection("Basics", []Key{
		{Name: "dataDir", Kind: Text, DefaultNote: "required; without a file ./data", Common: true,
			Help:  "Directory of checkpoints and myid.",
			field: func(c *Config) any { return &c.DataDir }},
		{Name: "dataLogDir", Kind: Text, DefaultNote: "dataDir", Common: true,
			Help:  "Directory of the transaction log; a device of its own is faster.",
			field: func(c *Config) any { return &c.DataLogDir }},
		{Name: "clientPort", Kind: Port, DefaultNote: "none; without a file 2181", Common: true,
			Help:  "Port for plain clients.",
			field: func(c *Config) any { return &c.ClientPort }},
		{Name: "clientPortAddress", Kind: Text, DefaultNote: "every interface; without a file 127.0.0.1", Common: true,
			Help:  "Address that clientPort binds.",
			field: func(c *Config) any { return &c.ClientPortAddress }},
		{Name: "secureClientPort", Kind: Port, DefaultNote: "none", Common: true,
			Help:  "Port for TLS clients; needs ssl.keyStore.location.",
			field: func(c *Config) any { return &c.SecureClientPort }},
		{Name: "secureClientPortAddress", Kind: Text, DefaultNote: "every interface", Common: true,
			Help:  "Address that secureClientPort binds.",
			field: func(c *Config) any { return &c.SecureClientPortAddress }},
		{Name: "tickTime", Kind: Millis, Min: 1, Default: "3000", DefaultNote: "3000; without a file 2000", Common: true,
			Help:  "Length of a tick, the unit of the limits counted in ticks.",
			field: func(c *Config) any { return &c.TickTime }},
		{Name: "minSessionTimeout", Kind: Millis, Min: -1, DefaultNote: "2 ticks", Common: true,
			Help:  "Shortest session timeout a client gets; -1 is the default.",
			field: func(c *Config) any { return &c.MinSessionTimeout }},
		{Name: "maxSessionTimeout", Kind: Millis, Min: -1, DefaultNote: "20 ticks", Common: true,
			Help:  "Longest session timeout a client gets; -1 is the default.",
			field: func(c *Config) any { return &c.MaxSessionTimeout }},
		{Name: "readonlymode.enabled", Kind: Bool, Default: "false",
			Help:  "While there is no leader, serve reads to clients that ask for no more (canBeReadOnly). ZooKeeper reads it only as a JVM property.",
			field: func(c *Config) any { return &c.ReadOnlyMode }},
		{Name: "localSessionsEnabled", Kind: Bool, Default: "false", Effect: EnsembleOnly,
			Help:  "Give out sessions that only their own server knows; the same on all servers.",
			field: func(c *Config) any { return &c.LocalSessions }},
		{Name: "localSessionsUpgradingEnabled", Kind: Bool, Default: "false", Effect: EnsembleOnly,
			Help:  "Let all servers know a local session when it first asks for an ephemeral node; without this it gets none.",
			field: func(c *Config) any { return &c.LocalSessionsUpgrading }},
		{Name: "4lw.commands.whitelist", Kind: List, Default: "srvr", Common: true,
			Help:  "Four-letter words that are answered; * for all. readonlymode.enabled adds isro.",
			field: func(c *Config) any { return &c.FourLetterWords }},
		{Name: "client.portUnification", Kind: Bool, Default: "false",
			Help:  "Accept TLS on clientPort as well.",
			field: func(c *Config) any { return &c.ClientPortUnification }},
		{Name: "clientTcpKeepAlive", Kind: Bool, Default: "false",
			Help:  "TCP keep-alive on client connections.",
			field: func(c *Config) any { return &c.ClientTCPKeepAlive }},
		{Name: "clientPortListenBacklog", Kind: Int, Min: -1, Default: "-1",
			Help:  "Length of the accept queue; -1 leaves it to the system.",
			field: func(c *Config) any { return &c.ClientPortListenBacklog }},
	})
}

func limitKeys() []Key {
	return inSection("Limits", []Key{
		{Name: "maxClientCnxns", Kind: Int, Min: -1, Default: "60", Common: true,
			Help:  "Connections from one client address; 0 or less for no bound, as without a file.",
			field: func(c *Config) any { return &c.Limits.MaxClientCnxns }},
		{Name: "maxCnxns", Kind: Int, Min: -1, Default: "0", Common: true,
			Help:  "Connections on a port; 0 or less for no bound.",
			field: func(c *Config) any { return &c.Limits.MaxCnxns }},
		{Name: "jute.maxbuffer", Kind: Bytes, Min: 1024, Default: "1048575", Common: true,
			Help:  "Largest request or reply; equal on all servers and clients. ZooKeeper reads it only as a JVM property.",
			field: func(c *Config) any { return &c.Limits.JuteMaxBuffer }},
		{Name: "jute.maxbuffer.extrasize", Kind: Bytes, Min: 1024, DefaultNote: "jute.maxbuffer",
			Help:  "How much larger than the largest request a transaction may become; a request beyond that is refused with -5.",
			field: func(c *Config) any { return &c.Limits.JuteMaxBufferExtra }},
		{Name: "globalOutstandingLimit", Kind: Int, Min: 1, Default: "1000",
			Help:  "Requests in the pipeline above which busy connections are not read.",
			field: func(c *Config) any { return &c.Limits.GlobalOutstanding }},
		{Name: "largeRequestThreshold", Kind: Bytes, Min: -1, Default: "-1",
			Help:  "Size above which a write counts as large; 0 or less for none.",
			field: func(c *Config) any { return &c.Limits.LargeRequestThreshold }},
		{Name: "largeRequestMaxBytes", Kind: Bytes, Min: 1, Default: "104857600",
			Help:  "Sum of large requests in flight above which their connections are closed.",
			field: func(c *Config) any { return &c.Limits.LargeRequestMaxBytes }},
		{Name: "nio.sessionlessCnxnTimeout", Kind: Millis, Min: 1, Default: "10000",
			Help:  "Time after which a connection without a session is closed.",
			field: func(c *Config) any { return &c.Limits.SessionlessTimeout }},
		{Name: "netty.server.outstandingHandshake.limit", Aliases: []string{"outstandingHandshake.limit"}, Kind: Int, Min: -1, Default: "-1",
			Help:  "TLS handshakes in flight above which connections are closed; -1 for no bound.",
			field: func(c *Config) any { return &c.Limits.OutstandingHandshakes }},
	})
}

func throttleKeys() []Key {
	return inSection("Throttling", []Key{
		{Name: "request_throttle_max_requests", Aliases: []string{"requestThrottleLimit"}, Kind: Int, Default: "0",
			Help:  "Requests in the pipeline above which new ones wait; 0 for off.",
			field: func(c *Config) any { return &c.Throttle.MaxRequests }},
		{Name: "request_throttle_stall_time", Aliases: []string{"requestThrottleStallTime"}, Kind: Millis, Min: 1, Default: "100",
			Help:  "How often a waiting request is reconsidered.",
			field: func(c *Config) any { return &c.Throttle.StallTime }},
		fixed(Key{Name: "request_throttle_drop_stale", Aliases: []string{"requestThrottleDropStale"}, Kind: Bool, Default: "true",
			Help: "Always true: a request that waits stays in its connection's socket, and goes with it."}),
		fixed(Key{Name: "request_stale_connection_check", Aliases: []string{"requestStaleConnectionCheck"}, Kind: Bool, Default: "true",
			Help: "Always true, for the same reason."}),
		fixed(Key{Name: "request_stale_latency_check", Aliases: []string{"requestStaleLatencyCheck"}, Kind: Bool, Default: "false",
			Help: "Always false: how long a request may wait is throttled_op_wait_time."}),
		{Name: "throttled_op_wait_time", Aliases: []string{"throttledOpWaitTime"}, Kind: Millis, Default: "0",
			Help:  "Wait after which a request is answered -127 instead of executed; 0 for off.",
			field: func(c *Config) any { return &c.Throttle.OpWaitTime }},
		{Name: "connection_throttle_tokens", Aliases: []string{"connectionMaxTokens"}, Kind: Int, Default: "0",
			Help:  "Tokens for new and renewed sessions; 0 for off.",
			field: func(c *Config) any { return &c.Throttle.ConnectionTokens }},
		{Name: "connection_throttle_fill_time", Aliases: []string{"connectionTokenFillTime"}, Kind: Millis, Min: 1, Default: "1",
			Help:  "How often tokens are added.",
			field: func(c *Config) any { return &c.Throttle.ConnectionFillTime }},
		{Name: "connection_throttle_fill_count", Aliases: []string{"connectionTokenFillCount"}, Kind: Int, Min: 1, Default: "1",
			Help:  "How many tokens are added.",
			field: func(c *Config) any { return &c.Throttle.ConnectionFillCount }},
		{Name: "connection_throttle_freeze_time", Aliases: []string{"connectionFreezeTime"}, Kind: Millis, Min: -1, Default: "-1",
			Help:  "How often the dropping probability changes; -1 for off.",
			field: func(c *Config) any { return &c.Throttle.ConnectionFreezeTime }},
		{Name: "connection_throttle_drop_increase", Aliases: []string{"connectionDropIncrease"}, Kind: Float, Default: "0.02",
			Help:  "Step by which the dropping probability grows.",
			field: func(c *Config) any { return &c.Throttle.ConnectionDropIncrease }},
		{Name: "connection_throttle_drop_decrease", Aliases: []string{"connectionDropDecrease"}, Kind: Float, Default: "0.002",
			Help:  "Step by which the dropping probability shrinks.",
			field: func(c *Config) any { return &c.Throttle.ConnectionDropDecrease }},
		{Name: "connection_throttle_decrease_ratio", Aliases: []string{"connectionDecreaseRatio"}, Kind: Float, Default: "0",
			Help:  "Share of free tokens above which the dropping probability shrinks.",
			field: func(c *Config) any { return &c.Throttle.ConnectionDecreaseRatio }},
		{Name: "connection_throttle_weight_enabled", Kind: Bool, Default: "false",
			Help:  "Weigh sessions by their kind.",
			field: func(c *Config) any { return &c.Throttle.ConnectionWeights }},
		{Name: "connection_throttle_global_session_weight", Kind: Int, Min: 1, Default: "3",
			Help:  "Tokens of a new global session.",
			field: func(c *Config) any { return &c.Throttle.GlobalWeight }},
		{Name: "connection_throttle_local_session_weight", Kind: Int, Min: 1, Default: "1", Effect: EnsembleOnly,
			Help:  "Tokens of a new local session.",
			field: func(c *Config) any { return &c.Throttle.LocalWeight }},
		{Name: "connection_throttle_renew_session_weight", Kind: Int, Min: 1, Default: "2",
			Help:  "Tokens of a renewed session.",
			field: func(c *Config) any { return &c.Throttle.RenewWeight }},
		{Name: "request_throttler.shutdownTimeout", Kind: Millis, Default: "10000",
			Help:  "How long a stopping server waits for requests in flight before it gives up on answering them.",
			field: func(c *Config) any { return &c.Throttle.ShutdownTimeout }},
	})
}

func storageKeys() []Key {
	return inSection("Storage", []Key{
		{Name: "snapCount", Kind: Int, Default: "100000", Common: true,
			Help:  "Transactions between checkpoints; at least 2.",
			field: func(c *Config) any { return &c.Storage.SnapCount }},
		{Name: "snapSizeLimitInKb", Kind: KB, Min: -1, Max: 1 << 40, Default: "4194304",
			Help:  "Log size between checkpoints; 0 or less for off.",
			field: func(c *Config) any { return &c.Storage.SnapSizeLimit }},
		{Name: "txnLogSizeLimitInKb", Kind: KB, Min: -1, Max: 1 << 40, Default: "0",
			Help:  "Size of log segments, 16 to 1048576, in place of preAllocSize; 0 or less for that.",
			field: func(c *Config) any { return &c.Storage.TxnLogSizeLimit }},
		{Name: "preAllocSize", Kind: KB, Max: 1 << 30, Default: "65536",
			Help:  "Size of log segments, which are allocated whole before they are used: 16 to 1048576; 0 for the default.",
			field: func(c *Config) any { return &c.Storage.PreAllocSize }},
		fixed(Key{Name: "forceSync", Kind: YesNo, Default: "yes",
			Help: "Always yes: a write is acknowledged when it is on the disk, and not before."}),
		{Name: "fsync.warningthresholdms", Kind: Millis, Default: "1000",
			Help:  "Duration above which an fsync is logged, at most once a second, and counted.",
			field: func(c *Config) any { return &c.Storage.FsyncWarning }},
		fixed(Key{Name: "autopurge.snapRetainCount", Kind: Int, Default: "3",
			Help: "Each checkpoint brings the one before up to date, so there is always one."}),
		fixed(Key{Name: "autopurge.purgeInterval", Kind: Hours, Min: -1, Default: "0",
			Help: "Old log segments are removed whenever a checkpoint covers them."}),
		{Name: "datadir.autocreate", Kind: Bool, Default: "true",
			Help:  "Make missing data directories.",
			field: func(c *Config) any { return &c.DataDirAutocreate }},
		{Name: "serializeLastProcessedZxid.enabled", Kind: Bool, Default: "true",
			Help:  "Write the last zxid into exported snapshots; the admin snapshot and restore commands need it.",
			field: func(c *Config) any { return &c.Storage.SerializeLastZxid }},
		fixed(Key{Name: "digest.enabled", Kind: Bool, Default: "true",
			Help: "Always true: a digest of the tree is kept."}),
	})
}

func treeKeys() []Key {
	return inSection("Tree", []Key{
		{Name: "extendedTypesEnabled", Kind: Bool, Default: "false", Common: true,
			Help:  "Allow TTL nodes; server ids are then at most 254.",
			field: func(c *Config) any { return &c.ExtendedTypes }},
		{Name: "emulate353TTLNodes", Kind: Bool, Default: "false",
			Help:  "Read TTL nodes in the layout of ZooKeeper 3.5.3; server ids are then at most 127.",
			field: func(c *Config) any { return &c.Emulate353TTL }},
		{Name: "enforceQuota", Kind: Bool, Default: "false",
			Help:  "Refuse writes above a hard quota.",
			field: func(c *Config) any { return &c.EnforceQuota }},
		{Name: "znode.container.checkIntervalMs", Kind: Millis, Min: 1, Default: "60000",
			Help:  "Time between two rounds of removing empty containers and expired TTL nodes. ZooKeeper reads it only as a JVM property.",
			field: func(c *Config) any { return &c.Containers.CheckInterval }},
		{Name: "znode.container.maxPerMinute", Kind: Int, Min: 1, Default: "10000",
			Help:  "Removals a minute. ZooKeeper reads it only as a JVM property.",
			field: func(c *Config) any { return &c.Containers.MaxPerMinute }},
		{Name: "znode.container.maxNeverUsedIntervalMs", Kind: Millis, Default: "0",
			Help:  "Age at which a container that never had a child is removed; 0 for never. ZooKeeper reads it only as a JVM property.",
			field: func(c *Config) any { return &c.Containers.MaxNeverUsed }},
	})
}

func authKeys() []Key {
	return inSection("Authentication", []Key{
		{Name: "DigestAuthenticationProvider.enabled", Kind: Bool, Default: "true",
			Help:  "Offer the digest scheme.",
			field: func(c *Config) any { return &c.Auth.DigestEnabled }},
		{Name: "DigestAuthenticationProvider.superDigest", Kind: Hidden, DefaultNote: "none",
			Help:  "Digest id with all rights: super:<base64>.",
			field: func(c *Config) any { return &c.Auth.SuperDigest }},
		{Name: "DigestAuthenticationProvider.digestAlg", Kind: Text, Default: "SHA1",
			Help:  "Hash of digest ids, by its Java name; the same in the whole ensemble and for all time.",
			field: func(c *Config) any { return &c.Auth.DigestAlg }},
		{Name: "X509AuthenticationProvider.superUser", Kind: Text, DefaultNote: "none",
			Help:  "Certificate subject with all rights, as Java prints it.",
			field: func(c *Config) any { return &c.Auth.X509SuperUser }},
		{Name: "IPAuthenticationProvider.usexforwardedfor", Kind: Bool, Default: "false",
			Help:  "Take a client's address on the admin server from X-Forwarded-For.",
			field: func(c *Config) any { return &c.Auth.UseXForwardedFor }},
		{Name: "ensembleAuthName", Kind: List, DefaultNote: "none",
			Help:  "Ensemble names that clients of scheme ensemble may expect here.",
			field: func(c *Config) any { return &c.Auth.EnsembleNames }},
		{Name: "enforce.auth.enabled", Kind: Bool, Default: "false",
			Help:  "Serve only clients with an id of one of enforce.auth.schemes.",
			field: func(c *Config) any { return &c.Auth.Enforce }},
		{Name: "enforce.auth.schemes", Kind: List, DefaultNote: "none",
			Help:  "The schemes of enforce.auth.enabled.",
			field: func(c *Config) any { return &c.Auth.EnforceSchemes }},
		{Name: "sessionRequireClientSASLAuth", Kind: Bool, Default: "false",
			Help:  "Serve only clients with a SASL id.",
			field: func(c *Config) any { return &c.Auth.RequireSASL }},
		{Name: "allowSaslFailedClients", Kind: Bool, Default: "false",
			Help:  "Keep connections whose SASL failed.",
			field: func(c *Config) any { return &c.Auth.AllowFailedSASL }},
		{Name: "letAnySaslUserDoX", Kind: Text, DefaultNote: "none",
			Help:  "ACL id that matches every SASL user.",
			field: func(c *Config) any { return &c.Auth.LetAnySASLUser }},
		{Name: "java.security.auth.login.config", Aliases: []string{"zabra.sasl.users"}, Kind: Text, DefaultNote: "none",
			Help:  "JAAS file with the SASL users. ZooKeeper reads it only as a JVM property.",
			field: func(c *Config) any { return &c.Auth.JAASFile }},
		{Name: "sasl.serverconfig", Kind: Text, Default: "Server",
			Help:  "Section of that file.",
			field: func(c *Config) any { return &c.Auth.JAASSection }},
		{Name: "skipACL", Kind: YesNo, Default: "no",
			Help:  "Allow everything to everyone.",
			field: func(c *Config) any { return &c.Auth.SkipACL }},
		{Name: "enableEagerACLCheck", Kind: Bool, Default: "false", Effect: EnsembleOnly,
			Help:  "Followers check ACLs before they forward a write.",
			field: func(c *Config) any { return &c.Auth.EagerACLCheck }},
		{Name: "audit.enable", Kind: Bool, Default: "false",
			Help:  "Log who changed what, in ZooKeeper's form; see zabra.audit.file.",
			field: func(c *Config) any { return &c.Audit.Enable }},
	})
}

// tlsKeys makes the rows of one family of ssl keys.
func tlsKeys(prefix, section string, tls func(*Config) *TLS) []Key {
	effect, clientNames := Effective, "false"
	if prefix == "ssl.quorum." {
		effect, clientNames = EnsembleOnly, "true"
	}
	rows := append(storeKeys(prefix+"keyStore.", "certificate and key", tls, func(t *TLS) *Store { return &t.KeyStore }),
		storeKeys(prefix+"trustStore.", "trusted certificates", tls, func(t *TLS) *Store { return &t.TrustStore })...)
	rows = append(rows, []Key{
		{Name: prefix + "protocol", Kind: Text, Default: "TLSv1.3",
			Help:  "TLSv1.3 (which allows TLSv1.2 too) or TLSv1.2.",
			field: func(c *Config) any { return &tls(c).Protocol }},
		{Name: prefix + "enabledProtocols", Kind: List, DefaultNote: "TLSv1.3,TLSv1.2; only TLSv1.2 if that is the protocol",
			Help:  "Versions offered.",
			field: func(c *Config) any { return &tls(c).EnabledProtocols }},
		{Name: prefix + "ciphersuites", Kind: List, DefaultNote: "Go's choice",
			Help:  "Suites offered, by IANA name. TLS 1.3 suites cannot be chosen one by one.",
			field: func(c *Config) any { return &tls(c).CipherSuites }},
		{Name: prefix + "clientAuth", Kind: Choice, Choices: []string{"need", "want", "none"}, Default: "need",
			Help:  "Whether a client must, may or need not have a certificate.",
			field: func(c *Config) any { return &tls(c).ClientAuth }},
		{Name: prefix + "hostnameVerification", Kind: Bool, Default: "true",
			Help:  "Compare host names with certificates at all.",
			field: func(c *Config) any { return &tls(c).HostnameVerification }},
		{Name: prefix + "clientHostnameVerification", Kind: Bool, Default: clientNames,
			Help:  "Compare a client certificate's names with the client's address.",
			field: func(c *Config) any { return &tls(c).ClientHostnameVerification }},
		{Name: prefix + "allowReverseDnsLookup", Kind: Bool, Default: clientNames,
			Help:  "Also compare the name that DNS has for that address.",
			field: func(c *Config) any { return &tls(c).AllowReverseDNS }},
		{Name: prefix + "crl", Kind: Bool, Default: "false",
			Help:  "Check revocation lists. Not supported: true refuses to start.",
			field: func(c *Config) any { return &tls(c).CRL }},
		{Name: prefix + "ocsp", Kind: Bool, Default: "false",
			Help:  "Check revocation by OCSP. Not supported: true refuses to start.",
			field: func(c *Config) any { return &tls(c).OCSP }},
		{Name: prefix + "handshakeDetectionTimeoutMillis", Kind: Millis, Min: 1, Default: "5000",
			Help:  "Wait for the bytes that tell TLS from plain.",
			field: func(c *Config) any { return &tls(c).HandshakeDetectionTimeout }},
		{Name: prefix + "context.supplier.class", Kind: Text, DefaultNote: "none",
			Help:  "Java class that makes TLS contexts. Not supported: set, it refuses to start.",
			field: func(c *Config) any { return &tls(c).ContextSupplier }},
	}...)
	if prefix == "ssl." {
		rows = append(rows,
			fixed(Key{Name: "ssl.authProvider", Kind: Choice, Choices: []string{"x509"}, Default: "x509",
				Help: "Scheme of the id that a client certificate gives."}),
			Key{Name: "client.certReload", Kind: Bool, Default: "false",
				Help:  "Read the stores again when their files change.",
				field: func(c *Config) any { return &c.TLS.Reload }})
	}
	for i := range rows {
		if rows[i].Effect != Fixed {
			rows[i].Effect = effect
		}
	}
	return inSection(section, rows)
}

func storeKeys(prefix, what string, tls func(*Config) *TLS, store func(*TLS) *Store) []Key {
	at := func(c *Config) *Store { return store(tls(c)) }
	return []Key{
		{Name: prefix + "location", Kind: Text, DefaultNote: "none",
			Help:  "File with the " + what + ".",
			field: func(c *Config) any { return &at(c).Location }},
		{Name: prefix + "password", Kind: Hidden, DefaultNote: "empty",
			Help:  "Its password.",
			field: func(c *Config) any { return &at(c).Password }},
		{Name: prefix + "passwordPath", Kind: Text, DefaultNote: "none",
			Help:  "File with its password, which wins.",
			field: func(c *Config) any { return &at(c).PasswordPath }},
		{Name: prefix + "type", Kind: Choice, Choices: []string{"JKS", "PEM", "PKCS12", "BCFKS", ""}, DefaultNote: "by extension: .jks .pem .p12 .bcfks",
			Help:  "Its format. BCFKS is not supported.",
			field: func(c *Config) any { return &at(c).Type }},
	}
}

func adminKeys() []Key {
	return inSection("Admin server and metrics", []Key{
		{Name: "admin.enableServer", Kind: Bool, Default: "true", Common: true,
			Help:  "Run the admin HTTP server.",
			field: func(c *Config) any { return &c.Admin.Enable }},
		{Name: "admin.serverAddress", Kind: Text, Default: "0.0.0.0", DefaultNote: "0.0.0.0; without a file 127.0.0.1", Common: true,
			Help:  "Address it binds.",
			field: func(c *Config) any { return &c.Admin.Address }},
		{Name: "admin.serverPort", Kind: Port, Default: "8080", Common: true,
			Help:  "Port it binds.",
			field: func(c *Config) any { return &c.Admin.Port }},
		{Name: "admin.commandURL", Kind: Text, Default: "/commands",
			Help:  "Path of the commands.",
			field: func(c *Config) any { return &c.Admin.CommandURL }},
		{Name: "admin.idleTimeout", Kind: Millis, Min: -1, Default: "30000",
			Help:  "Time after which an idle connection is closed; 0 or less for never.",
			field: func(c *Config) any { return &c.Admin.IdleTimeout }},
		{Name: "admin.portUnification", Kind: Bool, Default: "false",
			Help:  "Serve HTTPS besides HTTP, with the ssl.quorum stores.",
			field: func(c *Config) any { return &c.Admin.PortUnification }},
		{Name: "admin.forceHttps", Kind: Bool, Default: "false",
			Help:  "Serve only HTTPS, with the ssl.quorum stores.",
			field: func(c *Config) any { return &c.Admin.ForceHTTPS }},
		{Name: "admin.needClientAuth", Kind: Bool, Default: "false",
			Help:  "Demand a client certificate on HTTPS.",
			field: func(c *Config) any { return &c.Admin.NeedClientAuth }},
		{Name: "admin.snapshot.enabled", Kind: Bool, Default: "true",
			Help:  "Allow the snapshot command.",
			field: func(c *Config) any { return &c.Admin.SnapshotEnabled }},
		{Name: "admin.restore.enabled", Kind: Bool, Default: "true",
			Help:  "Allow the restore command.",
			field: func(c *Config) any { return &c.Admin.RestoreEnabled }},
		{Name: "admin.rateLimiterIntervalInMS", Kind: Millis, Default: "300000",
			Help:  "Least time between two snapshot or restore commands.",
			field: func(c *Config) any { return &c.Admin.RateLimitInterval }},
		{Name: "metricsProvider.className", Kind: Choice, Choices: []string{defaultProvider, nullProvider, prometheusProvider}, Default: defaultProvider,
			Help:  "Provider of metrics. PrometheusMetricsProvider opens a port of its own; /metrics on the admin server is always there.",
			field: func(c *Config) any { return &c.Metrics.Class }},
		{Name: "metricsProvider.httpHost", Kind: Text, Default: "0.0.0.0", DefaultNote: "0.0.0.0; without a file 127.0.0.1",
			Help:  "Address of the Prometheus port.",
			field: func(c *Config) any { return &c.Metrics.HTTPHost }},
		{Name: "metricsProvider.httpPort", Kind: Port, Default: "7000",
			Help:  "The Prometheus port.",
			field: func(c *Config) any { return &c.Metrics.HTTPPort }},
	})
}

func ensembleKeys() []Key {
	rows := []Key{
		{Name: "initLimit", Kind: Int, DefaultNote: "required in an ensemble", Common: true,
			Help:  "Ticks a follower has to connect and catch up.",
			field: func(c *Config) any { return &c.Ensemble.InitLimit }},
		{Name: "syncLimit", Kind: Int, DefaultNote: "required in an ensemble", Common: true,
			Help:  "Ticks a follower may fall behind.",
			field: func(c *Config) any { return &c.Ensemble.SyncLimit }},
		{Name: "connectToLearnerMasterLimit", Kind: Int, DefaultNote: "initLimit",
			Help:  "Ticks to connect to the leader.",
			field: func(c *Config) any { return &c.Ensemble.ConnectLimit }},
		{Name: "dynamicConfigFile", Kind: Text, DefaultNote: "none",
			Help:  "File with the server, group and weight lines.",
			field: func(c *Config) any { return &c.Ensemble.DynamicFile }},
		{Name: "version", Kind: Hex, FileOnly: true, Default: "0",
			Help:  "Version of the membership, where server lines stand in this file.",
			field: func(c *Config) any { return &c.Ensemble.Version }},
		{Name: "standaloneEnabled", Kind: Bool, Default: "true",
			Help:  "Run a single server line as a standalone server.",
			field: func(c *Config) any { return &c.Ensemble.StandaloneEnabled }},
		{Name: "reconfigEnabled", Kind: Bool, Default: "false",
			Help:  "Allow changes of the membership.",
			field: func(c *Config) any { return &c.Ensemble.ReconfigEnabled }},
		{Name: "peerType", Kind: Choice, Choices: []string{string(quorum.Participant), string(quorum.Observer)}, Default: string(quorum.Participant),
			Help:  "Role of this server; that of its server line wins.",
			field: func(c *Config) any { return &c.Ensemble.PeerType }},
		{Name: "electionAlg", Kind: Int, Min: 3, Max: 3, Default: "3",
			Help:  "Election algorithm; there is only 3.",
			field: func(c *Config) any { return &c.Ensemble.ElectionAlg }},
		{Name: "quorumListenOnAllIPs", Kind: Bool, Default: "false",
			Help:  "Bind the quorum and election ports on every interface.",
			field: func(c *Config) any { return &c.Ensemble.ListenOnAllIPs }},
		{Name: "observerMasterPort", Kind: Port, DefaultNote: "none",
			Help:  "Port where followers serve observers, and where observers look for such followers before they go to the leader.",
			field: func(c *Config) any { return &c.Ensemble.ObserverMasterPort }},
		{Name: "observerMaster.sizeLimit", Kind: Bytes, Default: "33554432",
			Help:  "Bytes that may wait for one observer of a follower before it is dropped; never less than the longest transaction (jute.maxbuffer) takes.",
			field: func(c *Config) any { return &c.Ensemble.ObserverMasterSizeLimit }},
		{Name: "observer.syncEnabled", Aliases: []string{"syncEnabled"}, Kind: Bool, Default: "true",
			Help:  "Observers write a log and checkpoints.",
			field: func(c *Config) any { return &c.Ensemble.SyncEnabled }},
		{Name: "leaderServes", Kind: YesNo, Default: "yes",
			Help:  "The leader accepts clients.",
			field: func(c *Config) any { return &c.Ensemble.LeaderServes }},
		{Name: "db.autocreate", Kind: Bool, Default: "true",
			Help:  "Let empty servers vote when all voters are empty; with false, only with a file initialize in dataLogDir.",
			field: func(c *Config) any { return &c.Ensemble.DBAutocreate }},
		{Name: "commitLogCount", Kind: Int, Default: "500",
			Help:  "Transactions kept in memory for followers that were away.",
			field: func(c *Config) any { return &c.Ensemble.CommitLogCount }},
		{Name: "snapshotSizeFactor", Kind: Float, Default: "0.33",
			Help:  "Share of the tree's size up to which a follower is sent log instead of a snapshot; negative for never.",
			field: func(c *Config) any { return &c.Ensemble.SnapshotSizeFactor }},
		{Name: "forceSnapshotSync", Kind: Bool, Default: "false",
			Help:  "Always send a snapshot.",
			field: func(c *Config) any { return &c.Ensemble.ForceSnapshotSync }},
		{Name: "tcpKeepAlive", Kind: Bool, Default: "false",
			Help:  "TCP keep-alive on election connections.",
			field: func(c *Config) any { return &c.Ensemble.TCPKeepAlive }},
		{Name: "cnxTimeout", Kind: Millis, Min: 1, Default: "5000",
			Help:  "Time to connect for election.",
			field: func(c *Config) any { return &c.Ensemble.CnxTimeout }},
		{Name: "quorumCnxnTimeoutMs", Kind: Millis, Min: -1, Default: "-1",
			Help:  "Time to read on election connections; -1 for syncLimit ticks.",
			field: func(c *Config) any { return &c.Ensemble.CnxnTimeout }},
		{Name: "electionPortBindRetry", Kind: Int, Default: "3",
			Help:  "Tries to bind the election port; 0 for ever.",
			field: func(c *Config) any { return &c.Ensemble.ElectionPortBindRetry }},
		{Name: "fastleader.minNotificationInterval", Kind: Millis, Min: 1, Default: "200",
			Help:  "Shortest pause between election messages.",
			field: func(c *Config) any { return &c.Ensemble.MinNotification }},
		{Name: "fastleader.maxNotificationInterval", Kind: Millis, Min: 1, Default: "60000",
			Help:  "Longest pause between election messages.",
			field: func(c *Config) any { return &c.Ensemble.MaxNotification }},
		{Name: "observer.reconnectDelayMs", Kind: Millis, Default: "0",
			Help:  "Longest pause before an observer connects to the leader; it is random.",
			field: func(c *Config) any { return &c.Ensemble.ObserverReconnectDelay }},
		{Name: "observer.election.DelayMs", Kind: Millis, Default: "200",
			Help:  "Longest pause before an observer that has lost its server looks for a leader; it is random.",
			field: func(c *Config) any { return &c.Ensemble.ObserverElectionDelay }},
		{Name: "leaderConnectDelayDuringRetryMs", Kind: Millis, Default: "100",
			Help:  "Pause between tries to connect to the leader.",
			field: func(c *Config) any { return &c.Ensemble.LeaderConnectDelay }},
		{Name: "leader.maxConcurrentSnapSyncs", Aliases: []string{"maxConcurrentSnapSyncs"}, Kind: Int, Min: 1, Default: "10",
			Help:  "Snapshots a leader, or a follower that serves observers, sends at once. Observers wait; followers are counted and do not.",
			field: func(c *Config) any { return &c.Ensemble.MaxSnapSyncs }},
		{Name: "leader.maxConcurrentDiffSyncs", Aliases: []string{"maxConcurrentDiffSyncs"}, Kind: Int, Min: 1, Default: "100",
			Help:  "Diffs it sends at once, in the same way.",
			field: func(c *Config) any { return &c.Ensemble.MaxDiffSyncs }},
		{Name: "leader.maxTimeToWaitForEpoch", Aliases: []string{"maxTimeToWaitForEpoch"}, Kind: Millis, Min: -1, Default: "-1",
			Help:  "Time a new leader waits for a quorum; -1 for initLimit ticks.",
			field: func(c *Config) any { return &c.Ensemble.MaxTimeToWaitForEpoch }},
		{Name: "sslQuorum", Kind: Bool, Default: "false",
			Help:  "TLS between servers.",
			field: func(c *Config) any { return &c.Ensemble.SSLQuorum }},
		{Name: "portUnification", Kind: Bool, Default: "false",
			Help:  "Accept TLS and plain peers on the quorum ports.",
			field: func(c *Config) any { return &c.Ensemble.PortUnification }},
		{Name: "sslQuorumReloadCertFiles", Kind: Bool, Default: "false",
			Help:  "Read the ssl.quorum stores again when their files change.",
			field: func(c *Config) any { return &c.Ensemble.ReloadCerts }},
		{Name: "multiAddress.enabled", Kind: Bool, Default: "false",
			Help:  "Allow several addresses in a server line. ZooKeeper needs it as a JVM property as well.",
			field: func(c *Config) any { return &c.Ensemble.MultiAddress }},
		{Name: "multiAddress.reachabilityCheckEnabled", Kind: Bool, Default: "true",
			Help:  "Try which of them answers.",
			field: func(c *Config) any { return &c.Ensemble.ReachabilityCheck }},
		{Name: "multiAddress.reachabilityCheckTimeoutMs", Kind: Millis, Min: 1, Default: "1000",
			Help:  "Time for that.",
			field: func(c *Config) any { return &c.Ensemble.ReachabilityTimeout }},
		{Name: "quorum.auth.enableSasl", Kind: Bool, Default: "false",
			Help:  "SASL between servers.",
			field: func(c *Config) any { return &c.Ensemble.SASLEnable }},
		{Name: "quorum.auth.learnerRequireSasl", Kind: Bool, Default: "false",
			Help:  "Connect only to servers with SASL.",
			field: func(c *Config) any { return &c.Ensemble.SASLLearnerRequire }},
		{Name: "quorum.auth.serverRequireSasl", Kind: Bool, Default: "false",
			Help:  "Accept only servers with SASL.",
			field: func(c *Config) any { return &c.Ensemble.SASLServerRequire }},
		{Name: "quorum.auth.learner.saslLoginContext", Kind: Text, Default: "QuorumLearner",
			Help:  "JAAS section for connecting.",
			field: func(c *Config) any { return &c.Ensemble.SASLLearnerContext }},
		{Name: "quorum.auth.server.saslLoginContext", Kind: Text, Default: "QuorumServer",
			Help:  "JAAS section for accepting.",
			field: func(c *Config) any { return &c.Ensemble.SASLServerContext }},
		{Name: "quorum.auth.kerberos.servicePrincipal", Kind: Text, Default: "zkquorum/localhost",
			Help:  "Kerberos principal of the servers.",
			field: func(c *Config) any { return &c.Ensemble.SASLPrincipal }},
		{Name: "quorum.cnxn.threads.size", Kind: Int, Default: "20",
			Help:  "SASL handshakes at once.",
			field: func(c *Config) any { return &c.Ensemble.CnxnThreads }},
		{Name: "oraclePath", Kind: Text, DefaultNote: "none",
			Help:  "File that decides for an ensemble of two.",
			field: func(c *Config) any { return &c.Ensemble.OraclePath }},
	}
	for i := range rows {
		rows[i].Effect = EnsembleOnly
	}
	return inSection("Ensemble", rows)
}

func familyKeys() []Key {
	return append(
		inSection("Ensemble", []Key{
			{Name: "server.", Kind: Text, Effect: EnsembleOnly, DefaultNote: "none", add: addServer,
				Help: "Server N: host:quorumPort:electionPort[:role], more addresses after |, then optionally ;[clientHost:]clientPort."},
			{Name: "group.", Kind: Text, Effect: EnsembleOnly, DefaultNote: "none", add: addGroup,
				Help: "Servers of group N, separated by colons."},
			{Name: "weight.", Kind: Text, Effect: EnsembleOnly, DefaultNote: "1", add: addWeight,
				Help: "Weight of server N in its group."},
		}),
		inSection("Authentication", []Key{
			{Name: "authProvider.", Kind: Text, DefaultNote: "none", add: addProvider,
				Help: "Java class of an authentication provider."},
			{Name: "superUser", Kind: Text, DefaultNote: "none",
				Help:  "SASL id with all rights.",
				field: func(c *Config) any { return (*superUser)(&c.Auth.SuperUsers) }},
			{Name: "superUser.", Kind: Text, DefaultNote: "none", add: addSuperUser,
				Help: "More SASL ids with all rights."},
		})...)
}

func zabraKeys() []Key {
	return inSection("Zabra's own", []Key{
		{Name: "zabra.log.level", Kind: Choice, Choices: []string{"debug", "info", "warn", "error"}, Default: "info", Common: true,
			Help:  "Least severity that is logged.",
			field: func(c *Config) any { return &c.Log.Level }},
		{Name: "zabra.log.format", Kind: Choice, Choices: []string{"console", "json"}, Default: "console", Common: true,
			Help:  "Form of log lines.",
			field: func(c *Config) any { return &c.Log.Format }},
		{Name: "zabra.audit.file", Kind: Text, DefaultNote: "none: the server's log",
			Help:  "File of the audit log, which audit.enable turns on.",
			field: func(c *Config) any { return &c.Audit.File }},
		{Name: "zabra.reads", Kind: Choice, Choices: []string{"local", "linearizable"}, Default: "local",
			Help:  "In an ensemble, local answers reads at once, as ZooKeeper does: they may be stale. linearizable makes each wait for a quorum.",
			field: func(c *Config) any { return &c.Ensemble.Reads }},
		{Name: "zabra.maxUnsentBytes", Kind: Bytes, Min: 65536, Default: "16777216",
			Help:  "Bytes that may wait for a client that does not read before it is disconnected.",
			field: func(c *Config) any { return &c.Limits.MaxUnsent }},
		{Name: "zabra.maxTotalUnsentBytes", Kind: Bytes, Max: 1 << 40, DefaultNote: "an eighth of the memory",
			Help:  "Bytes that may wait for all such clients together before those that read least are disconnected; 0 is the default.",
			field: func(c *Config) any { return &c.Limits.MaxTotalUnsent }},
	})
}

// fixed completes a row whose Default is what Zabra does whatever is set.
func fixed(k Key) Key {
	k.Effect = Fixed
	k.field = func(*Config) any { return k.Kind.discard() }
	return k
}

const ineffectiveSection = "Accepted without effect"

// ineffectiveKeys are those of ZooKeeper that tune or describe its own
// implementation, and those whose feature Zabra does not have.
func ineffectiveKeys() []Key {
	var rows []Key
	because := func(why string, names ...string) {
		for _, name := range names {
			rows = append(rows, Key{Name: name, Kind: Text, Effect: Ineffective, Help: why})
		}
	}
	because("Zabra has one connection layer, which serves plain and TLS ports",
		"serverCnxnFactory", "ssl.sslProvider", "fips-mode", "nio.", "netty.", "advancedFlowControlEnabled")
	because("reads run on the connections' own goroutines and writes on one loop; there are no threads to size",
		"commitProcessor.", "forward_learner_requests_to_commit_processor_disabled", "follower.skipLearnerRequestToNextProcessor")
	because("batches grow with the load by themselves; nothing waits on a timer to fill one",
		"flushDelay", "maxWriteQueuePollTime", "maxBatchSize")
	because("watches have one implementation, with one representation",
		"watchManagerName", "watcherCleanThreadsNum", "watcherCleanThreshold", "watcherCleanIntervalInSeconds",
		"maxInProcessingDeadWatchers", "bitHashCacheSize")
	because("replies are encoded straight from the tree; there is no cache of them",
		"maxResponseCacheSize", "maxGetChildrenResponseCacheSize")
	because("checkpoints have a format of their own, which is never trusted when it is missing or damaged",
		"snapshot.compression.method", "snapshot.trust.empty")
	because("there is no JVM to watch",
		"jvm.pause.monitor", "jvm.pause.info-threshold.ms", "jvm.pause.warn-threshold.ms", "jvm.pause.sleep.time.ms",
		"jmx.log4j.disable", "jmx.log4j.mbean", "metricsProvider.exportJvmInfo", "metricsProvider.numWorkerThreads",
		"metricsProvider.maxQueueSize", "metricsProvider.workerShutdownTimeoutMs", "intBufferStartingSizeBytes")
	because("the metrics provider has no such setting", "metricsProvider.")
	because("Kerberos is not supported",
		"kerberos.", "requireKerberosConfig", "security.auth_to_local", "kinit")
	because("ZooKeeper does not read it either; sessionRequireClientSASLAuth refuses clients that have not authenticated", "requireClientAuthScheme")
	because("ZooKeeper does not read it either", "jaasLoginRenew")
	because("the audit log has one form; where it goes is zabra.audit.file", "audit.impl.class")
	because("this statistic is not kept", "pathStats.", "messageTracker.", "leader.ackLoggingFrequency")
	because("connections between servers never block each other",
		"learner.asyncSending", "learner.closeSocketAsync", "leader.closeSocketAsync")
	because("this is not a setting of a server that runs",
		"closeSessionTxn.enabled", "admin.httpVersion", "controllerPort", "testingonly.initialZxid")
	because("this is a setting of ZooKeeper's client",
		"client.secure", "clientCnxnSocket", "disableAutoWatchReset", "request.timeout",
		"sasl.client", "sasl.clientconfig", "sasl.client.username", "sasl.client.canonicalize.hostname")
	because("SASL users are read from java.security.auth.login.config", "SASLAuthenticationProvider.superPassword")
	return inSection(ineffectiveSection, rows)
}

func inSection(section string, rows []Key) []Key {
	for i := range rows {
		rows[i].Section = section
	}
	return rows
}
