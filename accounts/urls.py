"""The pages about people: the way in and out (allauth's names, our addresses), keys, switching accounts."""

from django.urls import path, re_path

from accounts import entrance, invitation_pages, key_pages, profile_pages, second_factor_pages, team_pages, views

urlpatterns = [
    path("sign-up", entrance.SignUp.as_view(), name="account_signup"),
    path("sign-in", entrance.SignIn.as_view(), name="account_login"),
    path("sign-out", entrance.SignOut.as_view(), name="account_logout"),
    path("confirm-email", entrance.LookIntoYourMail.as_view(), name="account_email_verification_sent"),
    path("confirm-email/<str:key>", entrance.ConfirmEmail.as_view(), name="account_confirm_email"),
    path("reset-password", entrance.ForgottenPassword.as_view(), name="account_reset_password"),
    path("reset-password/sent", entrance.ForgottenPasswordSent.as_view(), name="account_reset_password_done"),
    path("reset-password/done", entrance.NewPasswordSet.as_view(), name="account_reset_password_from_key_done"),
    re_path(
        r"^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        entrance.NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
    path("sign-in/code", second_factor_pages.SecondFactor.as_view(), name="mfa_authenticate"),
    path("settings", profile_pages.profile, name="settings"),
    path("settings/email", profile_pages.new_email, name="new_email"),
    path("settings/email/<str:token>", profile_pages.confirm_new_email, name="confirm_new_email"),
    path("settings/password", profile_pages.new_password, name="new_password"),
    path("settings/account", profile_pages.edit_account, name="edit_account"),
    path("settings/confirm", second_factor_pages.ConfirmPassword.as_view(), name="account_reauthenticate"),
    path("settings/confirm/code", second_factor_pages.ConfirmCode.as_view(), name="mfa_reauthenticate"),
    path("settings/security", second_factor_pages.security, name="mfa_index"),
    path("settings/security/app", second_factor_pages.app_on, name="mfa_activate_totp"),
    path("settings/security/app/off", second_factor_pages.app_off, name="mfa_deactivate_totp"),
    path("settings/security/codes", second_factor_pages.recovery_codes, name="mfa_generate_recovery_codes"),
    path("settings/sessions/end-others", second_factor_pages.sign_out_others, name="sign_out_others"),
    path("settings/sessions/<uuid:session_id>/end", second_factor_pages.sign_out_session, name="sign_out_session"),
    path("keys", views.keys, name="keys"),
    path("keys/<uuid:key_id>/revoke", views.revoke, name="revoke_key"),
    path("keys/<uuid:key_id>/rotate", key_pages.rotate, name="rotate_key"),
    path("keys/<uuid:key_id>/end-old", key_pages.end_old, name="end_old_secret"),
    path("keys/<uuid:key_id>/edit", key_pages.edit, name="edit_key"),
    path("team", team_pages.team, name="team"),
    path("team/leave", team_pages.leave, name="leave_team"),
    path("team/owner", team_pages.transfer, name="transfer_ownership"),
    path("team/members/<int:member_id>", team_pages.member, name="team_member"),
    path("team/invitations/<uuid:invitation_id>/resend", team_pages.resend, name="resend_invitation"),
    path("team/invitations/<uuid:invitation_id>/withdraw", team_pages.withdraw, name="withdraw_invitation"),
    path("invitations/<str:token>", invitation_pages.invitation, name="invitation"),
    path("switch-account", views.switch_account, name="switch_account"),
]
