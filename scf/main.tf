# The function on Tencent SCF, for Terraform: `make package`, then `terraform init && terraform
# apply` in this folder.
#
# Guarantees: a web function with a function URL; nothing about who may ask or what they get has a
# default; secrets are never shown. Not covered: where the state is kept (it contains the secrets in
# the clear: encrypt it), a domain of one's own, InitTimeout and versions (scf/deploy).

terraform {
  required_version = ">= 1.5"
  required_providers {
    tencentcloud = {
      source = "tencentcloudstack/tencentcloud"
      # Function URLs: a trigger of type http, without a name
      version = "~> 1.83, >= 1.83.21"
    }
  }
}

# The deployer's own key is not the calling key: the provider takes it from TENCENTCLOUD_SECRET_ID
# and TENCENTCLOUD_SECRET_KEY.
provider "tencentcloud" {
  region = coalesce(var.function_region, var.region)
}

variable "function_name" {
  type        = string
  default     = "cos-issuer"
  description = "The function's name; give each stage its own, for example cos-issuer-test"
}

variable "namespace" {
  type        = string
  default     = "default"
  description = "An existing namespace of SCF"
}

variable "function_region" {
  type        = string
  default     = null
  description = "Where the function runs, for example ap-shanghai; without it, in the bucket's region"
}

variable "auth" {
  type        = string
  description = "How callers prove who they are (AUTH): some of api-key,hmac,jwt,wechat. There is no default; `none` has to be written."
}

variable "secret_id" {
  type        = string
  sensitive   = true
  default     = null
  description = "The SecretId of the calling key (SECRET_ID), a permanent key; or else execution_role"
}

variable "secret_key" {
  type        = string
  sensitive   = true
  default     = null
  description = "Its SecretKey (SECRET_KEY)"
}

variable "execution_role" {
  type        = string
  default     = null
  description = "The name of the role whose key the function gets from SCF, in place of secret_id and secret_key; needs role_arn"
}

variable "role_arn" {
  type        = string
  default     = null
  description = "The role to assume (ROLE_ARN), for example qcs::cam::uin/100000000001:roleName/cos-issuer-upload"
}

variable "grants_file" {
  type        = string
  default     = null
  description = "The packaged file with the grants (GRANTS_FILE); or else all of bucket, prefix and allow"
}

variable "bucket" {
  type        = string
  default     = null
  description = "The bucket with its appid (BUCKET), for example examplebucket-1250000000"
}

variable "region" {
  type        = string
  description = "The bucket's region (REGION), for example ap-guangzhou"
}

variable "prefix" {
  type        = string
  default     = null
  description = "The keys that a credential covers (PREFIX), for example uploads/"
}

variable "allow" {
  type        = string
  default     = null
  description = "What a credential allows (ALLOW): some of upload,download,list,delete"
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "Further settings by their names, for example { JWT_ISSUER = \"https://login.example.com/\", LOG = \"debug\" }"
}

variable "secrets" {
  type        = map(string)
  sensitive   = true
  default     = {}
  description = "Further settings that are secrets, for example { API_KEYS = \"backend=1a3a...\" }"
}

variable "requests_per_instance" {
  type        = number
  default     = 20
  description = "How many requests an instance serves at once, from 2 to 100; 1 turns it off"
}

variable "reserved_memory" {
  type        = number
  default     = null
  description = "The memory in MB that all instances have together, at most, for example 12800 for 100 instances; without it, the account's limit"
}

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "How long the log is kept"
}

variable "alarm_notice_ids" {
  type        = list(string)
  default     = []
  description = "Notice groups of CLS that alarms go to, for example notice-0850756b-245d-4bc7-bb27-2a58fffc780b; without them there is no alarm"
}

variable "function_alarms" {
  type = object({
    policy_type = string
    dimensions  = map(string)
    notice_ids  = list(string)
  })
  default     = null
  description = "Alarms on SCF's own metrics: the policy type and the dimensions of a function's alias as your account names them, and notice templates of Cloud Monitor; README.md has how to find them"
}

locals {
  # Settings that are not variables of their own, so that a misspelled one is found before anything
  # is deployed.
  secrets = ["API_KEYS", "EXTERNAL_ID", "HMAC_KEYS", "JWT_HS_SECRET", "SHARED_STORE", "STS_PROXY", "WECHAT_SECRET"]
  settings = [
    "ALLOWED_HOSTS", "ALLOWED_ORIGINS", "ALLOW_FULL_ACCESS", "API_KEY_HEADER", "AUDIT",
    "AUDIT_CLIENT", "AUDIT_SUBJECT", "BASE_PATH", "CACHE",
    "CACHE_ENTRIES_MAX", "CLIENT_ADDRESS", "CONNECTIONS_MAX", "DENY", "DENY_FILE", "DURATION_SECONDS",
    "EXTENSIONS", "JWT_ALGORITHMS", "JWT_AUDIENCE", "JWT_ISSUER", "JWT_JWKS_FILE", "JWT_JWKS_URL",
    "JWT_LEEWAY_SECONDS", "JWT_MAX_AGE_SECONDS", "JWT_PUBLIC_KEY", "JWT_PUBLIC_KEY_FILE", "KEY_OWNER",
    "LOG", "LOG_FORMAT", "METRICS", "MIN_REMAINING_SECONDS", "POLICY", "RATE_LIMIT", "RATE_LIMIT_BLOCK",
    "SHARED_STORE_CA_FILE", "SHARED_STORE_PREFIX", "SHUTDOWN_DELAY_MS", "SHUTDOWN_GRACE_MS",
    "STS_CA_FILE", "STS_CONCURRENCY_MAX", "STS_DEADLINE_MS", "STS_ENDPOINTS", "WECHAT_APPID",
    "WECHAT_ENDPOINTS", "WECHAT_SUBJECT",
  ]
  grant = {
    BUCKET = var.bucket
    REGION = var.region
    PREFIX = var.prefix
    ALLOW  = var.allow
  }
  has_grant = alltrue([for given in [var.bucket, var.prefix, var.allow] : given != null])
  has_none  = alltrue([for given in [var.bucket, var.prefix, var.allow] : given == null])
  has_key   = var.secret_id != null && var.secret_key != null
}

resource "tencentcloud_scf_function" "issuer" {
  name      = var.function_name
  namespace = var.namespace
  # A web function, not an event function: those have their return values logged, credentials
  # included.
  func_type = "HTTP"
  # The name is an open question for web functions: see README.md.
  runtime = "CustomRuntime"
  handler = "bootstrap"
  # Named after its content: the provider sees a new package only by its path.
  zip_file = "${path.module}/../dist/terraform/${filesha256("${path.module}/../dist/cos-issuer-scf.zip")}.zip"
  mem_size = 128
  # STS has STS_DEADLINE_MS (3000) of this.
  timeout = 10
  # STS is called over the public network.
  enable_public_net = true
  role              = var.execution_role
  cls_logset_id     = tencentcloud_cls_logset.issuer.id
  cls_topic_id      = tencentcloud_cls_topic.issuer.id

  dynamic "instance_concurrency_config" {
    for_each = var.requests_per_instance > 1 ? [var.requests_per_instance] : []
    content {
      dynamic_enabled = "FALSE"
      max_concurrency = instance_concurrency_config.value
    }
  }

  environment = {
    for name, value in merge(
      { AUTH = var.auth, SECRET_ID = var.secret_id, SECRET_KEY = var.secret_key, ROLE_ARN = var.role_arn },
      { GRANTS_FILE = var.grants_file },
      local.has_grant ? local.grant : {},
      var.settings,
      var.secrets,
    ) : name => value if value != null
  }

  lifecycle {
    # The function would not start; this fails before anything is deployed.
    precondition {
      condition = (
        var.grants_file != null || contains(keys(var.settings), "POLICY") ? local.has_none : local.has_grant
      )
      error_message = "Give all of bucket, prefix and allow; or grants_file (or the setting POLICY), and none of them."
    }
    precondition {
      condition     = var.execution_role == null ? local.has_key : var.secret_id == null && var.secret_key == null && var.role_arn != null
      error_message = "Give secret_id and secret_key; or execution_role and role_arn, and neither of them."
    }
    precondition {
      condition     = length(setsubtract(keys(var.settings), local.settings)) == 0
      error_message = "settings: not a setting, or one that belongs into secrets or has a variable of its own: ${join(", ", setsubtract(keys(var.settings), local.settings))}"
    }
    precondition {
      condition     = length(setsubtract(nonsensitive(keys(var.secrets)), local.secrets)) == 0
      error_message = "secrets: only ${join(", ", local.secrets)}; other settings belong into settings."
    }
  }
}

resource "tencentcloud_scf_trigger" "url" {
  function_name = tencentcloud_scf_function.issuer.name
  namespace     = tencentcloud_scf_function.issuer.namespace
  qualifier     = "$DEFAULT"
  type          = "http"
  enable        = "OPEN"
  # NONE: callers prove themselves to the function (AUTH), which refuses before it calls STS. CORS
  # stays off: the function answers preflights itself, and a header sent twice is one that browsers
  # refuse.
  trigger_desc = jsonencode({
    AuthType   = "NONE"
    CorsConfig = { Enable = false }
    NetConfig  = { EnableExtranet = true, EnableIntranet = false }
  })
}

resource "tencentcloud_scf_reserved_concurrency_config" "issuer" {
  count                    = var.reserved_memory == null ? 0 : 1
  function_name            = tencentcloud_scf_function.issuer.name
  namespace                = tencentcloud_scf_function.issuer.namespace
  reserved_concurrency_mem = var.reserved_memory
}

# Without a topic, SCF opens one by itself and keeps the log for seven days.
resource "tencentcloud_cls_logset" "issuer" {
  logset_name = var.function_name
}

resource "tencentcloud_cls_topic" "issuer" {
  topic_name = var.function_name
  logset_id  = tencentcloud_cls_logset.issuer.id
  period     = var.log_retention_days
}

# Without an index, nothing can be searched, and the alarm finds nothing.
resource "tencentcloud_cls_index" "issuer" {
  topic_id = tencentcloud_cls_topic.issuer.id
  rule {
    full_text {
      case_sensitive = true
      tokenizer      = "@&?|#()='\",;:<>[]{}/ \n\t\r\\"
      contain_z_h    = false
    }
    dynamic_index {
      status = true
    }
  }
}

# A refused caller is not an alarm; a request that the function or STS could not serve is one.
resource "tencentcloud_cls_alarm" "server_errors" {
  count            = length(var.alarm_notice_ids) == 0 ? 0 : 1
  name             = "${var.function_name}-server-errors"
  alarm_notice_ids = var.alarm_notice_ids
  alarm_period     = 15
  trigger_count    = 1
  condition        = "$1.lines > 0"
  status           = true
  alarm_targets {
    number            = 1
    logset_id         = tencentcloud_cls_logset.issuer.id
    topic_id          = tencentcloud_cls_topic.issuer.id
    query             = "\"level\" AND \"ERROR\" | select count(*) as lines"
    start_time_offset = -5
    end_time_offset   = 0
  }
  monitor_time {
    type = "Period"
    time = 1
  }
}

# What the log cannot have: callers that the platform refuses, and a function that does not start.
resource "tencentcloud_monitor_alarm_policy" "function" {
  count        = var.function_alarms == null ? 0 : 1
  policy_name  = substr(var.function_name, 0, 20)
  monitor_type = "MT_QCE"
  namespace    = var.function_alarms.policy_type
  notice_ids   = var.function_alarms.notice_ids
  enable       = 1
  conditions {
    # Any of the rules.
    is_union_rule = 0
    rules {
      metric_name      = "Http432"
      period           = 60
      operator         = "gt"
      value            = "0"
      continue_period  = 1
      notice_frequency = 3600
      is_power_notice  = 0
    }
    rules {
      metric_name      = "Error"
      period           = 60
      operator         = "gt"
      value            = "0"
      continue_period  = 5
      notice_frequency = 3600
      is_power_notice  = 0
    }
  }
}

resource "tencentcloud_monitor_policy_binding_object" "function" {
  count     = var.function_alarms == null ? 0 : 1
  policy_id = tencentcloud_monitor_alarm_policy.function[0].id
  dimensions {
    dimensions_json = jsonencode(var.function_alarms.dimensions)
  }
}

locals {
  # The provider has the address only in the answer of the API.
  url = try(trimsuffix(jsondecode(tencentcloud_scf_trigger.url.trigger_attribute).NetConfig.ExtranetUrl, "/"), null)
}

output "url" {
  value       = local.url
  description = "Where apps ask, as <url>/sts; if it is empty, `scf/deploy show` prints it"
}

output "try" {
  value       = "curl -i ${coalesce(local.url, "URL")}/readyz"
  description = "A request to try; it answers without a credential"
}

output "log_topic" {
  value       = tencentcloud_cls_topic.issuer.id
  description = "The topic of CLS with the audit log"
}
