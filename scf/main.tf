# The function on Tencent SCF, for Terraform: `make package`, then `terraform init && terraform
# apply` in this folder.
#
# Guarantees: a web function with a function URL; nothing about who may ask or what they get has a
# default; secrets are never shown. Not covered: where the state is kept (it contains the secrets in
# the clear: encrypt it), variables that few need (the README has the table), a domain of one's own,
# alarms.

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
  region = var.region
}

variable "auth" {
  type        = string
  description = "How callers prove who they are (AUTH), some of api-key,hmac,jwt. There is no default; `none` has to be written."
}

variable "api_keys" {
  type        = string
  sensitive   = true
  default     = null
  description = "The hashed keys of callers (API_KEYS), when auth names api-key"
}

variable "hmac_keys" {
  type        = string
  sensitive   = true
  default     = null
  description = "The keys that callers sign with (HMAC_KEYS), when auth names hmac"
}

variable "jwt_issuer" {
  type        = string
  default     = null
  description = "The issuer of the tokens of callers (JWT_ISSUER), when auth names jwt"
}

variable "jwt_audience" {
  type        = string
  default     = null
  description = "Whom those tokens are for (JWT_AUDIENCE)"
}

variable "jwt_jwks_url" {
  type        = string
  default     = null
  description = "Where the issuer publishes its keys (JWT_JWKS_URL); or one of the next two"
}

variable "jwt_public_key" {
  type        = string
  default     = null
  description = "The issuer's public key in PEM (JWT_PUBLIC_KEY)"
}

variable "jwt_hs_secret" {
  type        = string
  sensitive   = true
  default     = null
  description = "The secret that the issuer shares (JWT_HS_SECRET)"
}

variable "jwt_algorithms" {
  type        = string
  default     = null
  description = "The only algorithms of tokens (JWT_ALGORITHMS), as ES256; left out, RS256 for a URL and the key's own otherwise"
}

variable "secret_id" {
  type        = string
  sensitive   = true
  description = "The calling key's SecretId (SECRET_ID), of a permanent key"
}

variable "secret_key" {
  type        = string
  sensitive   = true
  description = "The calling key's SecretKey (SECRET_KEY)"
}

variable "grants_file" {
  type        = string
  default     = null
  description = "The packaged file that says who may have what (GRANTS_FILE); or else all of bucket, prefix and allow"
}

variable "bucket" {
  type        = string
  default     = null
  description = "The bucket with its appid (BUCKET), as examplebucket-1250000000"
}

variable "region" {
  type        = string
  description = "Where the function runs, as ap-guangzhou; without grants_file, the bucket's region too (REGION)"
}

variable "prefix" {
  type        = string
  default     = null
  description = "The keys a credential covers (PREFIX), ends in a slash, as uploads/"
}

variable "allow" {
  type        = string
  default     = null
  description = "What a credential allows (ALLOW), some of upload,download,list,delete"
}

variable "allowed_origins" {
  type        = string
  default     = null
  description = "Pages that may ask from a browser (ALLOWED_ORIGINS), as https://app.example.com; none when left out"
}

resource "tencentcloud_scf_function" "issuer" {
  name      = "cos-issuer"
  namespace = "default"
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
  environment = merge(
    {
      AUTH       = var.auth
      SECRET_ID  = var.secret_id
      SECRET_KEY = var.secret_key
    },
    var.grants_file == null ? {} : { GRANTS_FILE = var.grants_file },
    var.grants_file != null ? {} : { BUCKET = var.bucket, REGION = var.region, PREFIX = var.prefix, ALLOW = var.allow },
    var.api_keys == null ? {} : { API_KEYS = var.api_keys },
    var.hmac_keys == null ? {} : { HMAC_KEYS = var.hmac_keys },
    var.jwt_issuer == null ? {} : { JWT_ISSUER = var.jwt_issuer },
    var.jwt_audience == null ? {} : { JWT_AUDIENCE = var.jwt_audience },
    var.jwt_jwks_url == null ? {} : { JWT_JWKS_URL = var.jwt_jwks_url },
    var.jwt_public_key == null ? {} : { JWT_PUBLIC_KEY = var.jwt_public_key },
    var.jwt_hs_secret == null ? {} : { JWT_HS_SECRET = var.jwt_hs_secret },
    var.jwt_algorithms == null ? {} : { JWT_ALGORITHMS = var.jwt_algorithms },
    var.allowed_origins == null ? {} : { ALLOWED_ORIGINS = var.allowed_origins },
  )

  lifecycle {
    # The function would not start; this fails before anything is deployed.
    precondition {
      condition     = alltrue([for given in [var.bucket, var.prefix, var.allow] : (given == null) == (var.grants_file != null)])
      error_message = "Give all of bucket, prefix and allow; or grants_file, and none of them."
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
